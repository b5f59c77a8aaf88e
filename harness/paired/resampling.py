"""Sums of statistics over resamples of units: a matrix of counts, one row a resample, times the statistics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES, SEED = 1000, 12345
"""As sacreBLEU has them, so that its resamples are drawn."""
HELD = 1 << 22
"""Entries of the matrix that are held at a time."""


def resampled_sums(statistics: Array, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """Sums over ``N`` units drawn with replacement, once a resample.

    Args:
        statistics: ``(N, k)``, of one unit a row: a segment, or a document's sums.
        resamples: ``R``.
        seed: Of the draws.

    Returns:
        ``(R, k)``.

    >>> resampled_sums(np.ones((5, 2)), resamples=3).tolist()
    [[5.0, 5.0], [5.0, 5.0], [5.0, 5.0]]
    """
    units = len(statistics)
    generator = np.random.default_rng(seed)
    sums = np.empty((resamples, statistics.shape[1]))
    for part in parts(resamples, units):
        drawn = generator.choice(units, size=(part.stop - part.start, units), replace=True)
        drawn += units * np.arange(len(drawn))[:, None]
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        sums[part] = counts.astype(np.float64) @ statistics
    return sums


def parts(resamples: int, units: int) -> Iterator[slice]:
    """Resamples in pieces whose matrix of counts is small.

    >>> [(part.start, part.stop) for part in parts(5, HELD // 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    size = max(1, HELD // max(units, 1))
    for start in range(0, resamples, size):
        yield slice(start, min(start + size, resamples))
