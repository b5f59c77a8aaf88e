"""What a reader must know of a value that was drawn: how far its precision went, and whether one document carries it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

HEAVY_SHARE = 0.10


def precision_warning(asked: float | None, reached: float, sequences: int) -> Iterator[str]:
    """That the precision was not reached.

    >>> list(precision_warning(0.05, 0.081, 256))
    ['precision not reached: asked 5.0%, reached 8.1% after 256 sequences']
    """
    if asked is not None and reached > asked:
        yield f"precision not reached: asked {asked:.1%}, reached {reached:.1%} after {sequences} sequences"


def tail_warning(terms: NDArray[np.float64], clusters: NDArray[np.int64]) -> Iterator[str]:
    """That one cluster holds more than a tenth of the sum.

    Args:
        terms: One a draw, ``(N,)``.
        clusters: Of each draw, ``(N,)``.

    >>> list(tail_warning(np.array([1.0] * 9 + [3.0]), np.arange(10)))
    ['heavy tail: one document holds 25% of the sum, so that the interval may be too narrow']
    """
    _, index = np.unique(clusters, return_inverse=True)
    magnitudes = np.abs(np.bincount(index, terms))
    heaviest = float(magnitudes.max() / magnitudes.sum()) if magnitudes.sum() else 0.0
    if heaviest > HEAVY_SHARE:
        yield f"heavy tail: one document holds {heaviest:.0%} of the sum, so that the interval may be too narrow"


def unscored_warning(unscored: int) -> Iterator[str]:
    """That sequences had nothing to score."""
    if unscored:
        yield f"{unscored} sequences without a scored token were passed over"
