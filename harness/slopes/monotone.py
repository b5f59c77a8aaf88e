"""The form-free check (M7): do better checkpoints rank better, whatever the curve? Spearman's rho and its p."""

from __future__ import annotations

import numpy as np

from harness.slopes.ordinary_least_squares import Array


def ranks(values: Array) -> Array:
    """Ranks from 1, ties averaged.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)


def spearman(x: Array, y: Array) -> float | None:
    """Rank correlation; None where either is constant."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else None
