"""Approximate randomisation: if two checkpoints are alike, it does not matter whose a translation is.

As sacreBLEU's ``--paired-ar``, from the same draws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.paired.bootstrap import beyond
from harness.paired.difference import Array, Difference, check_shapes
from harness.paired.resampling import SEED, parts

TRIALS = 10_000
"""As sacreBLEU has them."""
DRAWN = 1 << 28
"""Signs that are drawn at a time; up to so many they are sacreBLEU's own."""


def randomisation(
    first: Array, second: Array, values: Callable[[Array], Array], *, trials: int = TRIALS, seed: int = SEED
) -> Difference:
    """Exchange the two on a random half of the units, many times: Riezler and Maxwell (2005).

    ``p = (1 + #{|d*| >= |d|}) / (R + 1)``. sacreBLEU counts ``>`` alone (``p_sacrebleu``), which is too small
    where ties are likely: it gives its smallest p to two systems that are equal or differ in one segment, and TER's edits are
    whole numbers. Ties aside the two are one.

    Args:
        first: ``(N, k)`` statistics of A, of one unit (segment or document) a row.
        second: ``(N, k)`` of B on the same units.
        values: The metric of sums, ``(R, k)`` to ``(R,)``.
        trials: ``R``.
        seed: Of the draws.

    Raises:
        HarnessError: The two are not of the same units, or of fewer than two.

    Ten units, all better by one: two of the 2^10 exchanges are as far apart.

    >>> found = randomisation(np.ones((10, 1)), np.zeros((10, 1)), lambda sums: sums[:, 0])
    >>> found.difference, abs(found.p - 2 / 2**10) < 0.001
    (10.0, True)
    """
    check_shapes(first, second)
    value_a, value_b = (float(values(part.sum(axis=0, keepdims=True))[0]) for part in (first, second))
    total, other, apart = first.sum(axis=0) + second.sum(axis=0), second.sum(axis=0), first - second
    generator = np.random.default_rng(seed)
    counts = np.zeros(2)
    for some in blocks(trials, len(first)):
        kept = generator.integers(2, size=(some, len(first)), dtype=bool)
        for part in parts(some, len(first)):
            sums = other + kept[part].astype(np.float64) @ apart
            sizes = np.abs(values(sums) - values(total - sums))
            counts += beyond(sizes, abs(value_a - value_b))
    p, p_sacrebleu = (counts + 1) / (trials + 1)
    return Difference(
        "approximate randomisation", value_a, value_b, value_a - value_b, None, None, None,
        float(p), len(first), p_sacrebleu=float(p_sacrebleu),
    )  # fmt: skip


def blocks(trials: int, units: int) -> list[int]:
    """How many trials are drawn at a time.

    >>> blocks(10_000, 3000), blocks(3, DRAWN // 2)
    ([10000], [2, 1])
    """
    size = max(1, DRAWN // units)
    return [min(size, trials - start) for start in range(0, trials, size)]
