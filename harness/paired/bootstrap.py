"""Paired bootstrap: both checkpoints on the same resamples of examples.

The p-value is that of sacreBLEU's ``--paired-bs``, from the same resamples. It is small too often: it compares
``|d*| - mean |d*|`` with ``|d|``, so that where the two are alike p falls below 0.05 about one time in ten
(``tests/paired/test_resampling_tests.py``). The interval holds what it says; for a decision take ``randomisation``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.paired.difference import Array, Difference, check_shapes
from harness.paired.resampling import RESAMPLES, SEED, resampled_sums

ROUNDING = 1e-9
"""Differences that are closer than this are equal: rounding moves points of 0 to 100 by less."""


def paired_bootstrap(
    first: Array,
    second: Array,
    values: Callable[[Array], Array],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = 0.95,
) -> Difference:
    """The difference of a metric of sums between two checkpoints, over resamples of units: Koehn (2004).

    ``p = (1 + #{|d*| - mean |d*| >= |d|}) / (R + 1)``; the interval holds the middle ``level`` of ``d*``. sacreBLEU counts
    ``>`` alone (``p_sacrebleu``), which gives two equal systems the smallest p there is; ties aside the two are one.

    Args:
        first: ``(N, k)`` statistics of A, of one unit (segment or document) a row.
        second: ``(N, k)`` of B on the same units.
        values: The metric of sums, ``(R, k)`` to ``(R,)``.
        resamples: ``R``.
        seed: Of the draws.
        level: Coverage of the interval.

    Raises:
        HarnessError: The two are not of the same units, or of fewer than two.

    >>> ones = np.ones((4, 1))
    >>> same = paired_bootstrap(ones, ones, lambda sums: sums[:, 0])
    >>> same.difference, same.low, same.high, same.p
    (0.0, 0.0, 0.0, 1.0)
    >>> more = paired_bootstrap(3 * ones, ones, lambda sums: sums[:, 0])
    >>> more.difference, more.low, more.high, round(more.p, 6) == round(1 / 1001, 6)
    (8.0, 8.0, 8.0, True)
    """
    check_shapes(first, second)
    width = first.shape[1]
    sums = resampled_sums(np.concatenate([first, second], axis=1), resamples, seed)
    drawn = values(sums[:, :width]) - values(sums[:, width:])
    value_a, value_b = (float(values(part.sum(axis=0, keepdims=True))[0]) for part in (first, second))
    sizes = np.abs(drawn)
    reached, passed = beyond(sizes - sizes.mean(), abs(value_a - value_b))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Difference(
        "paired bootstrap", value_a, value_b, value_a - value_b, float(drawn.std(ddof=1)), float(low), float(high),
        (reached + 1) / (resamples + 1), len(first), p_sacrebleu=(passed + 1) / (resamples + 1),
    )  # fmt: skip


def beyond(sizes: Array, found: float) -> tuple[int, int]:
    """How many sizes reach what was found, and how many pass it.

    >>> beyond(np.array([1.0, 2.0, 3.0]), 2.0)
    (2, 1)
    """
    return int(np.sum(sizes >= found - ROUNDING)), int(np.sum(sizes > found + ROUNDING))
