"""The form-free check (M7): do better checkpoints do better, whatever the curve? Spearman's rho, and the best monotone one."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from harness.slopes.ordinary_least_squares import Array
from harness.slopes.theil_sen import pairs_of, ties


def ranks(values: Array) -> Array:
    """Ranks from 1, ties averaged.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def kendall_p(x: Array, y: Array) -> float:
    """Two-sided p of Kendall's S = sum sign((x_j - x_i)(y_j - y_i)), which Theil-Sen's interval inverts.

    S is about normal with the tie-corrected variance of ``theil_sen``.

    >>> round(kendall_p(np.arange(10.0), np.arange(10.0)), 5)
    6e-05
    """
    first, second = pairs_of(x.size)
    s = float(np.sum(np.sign((x[second] - x[first]) * (y[second] - y[first]))))
    n = x.size
    variance = (n * (n - 1) * (2 * n + 5) - float(ties(x)) - float(ties(y))) / 18
    return float(2 * ndtr(-abs(s) / np.sqrt(variance))) if variance > 0 else 1.0


def spearman(x: Array, y: Array) -> float | None:
    """Rank correlation; None where either is constant."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else None


def isotonic_r2(x: Array, y: Array) -> float | None:
    """Share of the variance of y that the best monotone curve explains, rising or falling, whichever does more.

    Least squares under y_1 <= y_2 <= ... (pool adjacent violators; Barlow et al. 1972), points of one x as their mean. No
    monotone curve of whatever form has a higher R2: what is missing to one is noise, or a turn. None where either is
    constant.

    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> isotonic_r2(x, np.exp(-x)), round(isotonic_r2(x, np.array([1.0, 3.0, 2.0, 4.0])), 2)
    (1.0, 0.9)
    """
    from scipy.optimize import isotonic_regression

    total = float(np.sum((y - y.mean()) ** 2))
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    if total <= 0 or count.size < 2:
        return None
    means = np.bincount(place, y) / count
    curves = (isotonic_regression(means, weights=count, increasing=rising).x for rising in (True, False))
    return max(1 - float(np.sum((y - curve[place]) ** 2)) / total for curve in curves)
