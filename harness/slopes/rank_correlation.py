"""Spearman's rank correlation with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr

from harness.slopes.monotone import spearman
from harness.slopes.ordinary_least_squares import Array, t_quantile


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's rho of n pairs with a 95 % interval, and the p of no association."""

    rho: float
    low: float
    high: float
    p: float
    n: int


def rank_correlation(x: Array, y: Array) -> RankCorrelation:
    """Rho, with ``tanh(atanh(rho) +- t(n-2) sqrt((1 + rho²/2) / (n - 3)))`` (Bonett and Wright 2000, Psychometrika 65, eq. 6).

    Their normal quantile is Student's here: with ten pairs or fewer theirs is too short.

    Args:
        x: (n,), n at least 5, not constant.
        y: (n,), likewise.

    >>> import numpy as np
    >>> found = rank_correlation(np.arange(10.0), np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 8.0]))
    >>> round(found.rho, 3), round(found.low, 2), round(found.high, 3)
    (0.988, 0.9, 0.999)
    """
    rho, n = spearman(x, y), x.size
    assert rho is not None, "a constant has no order"
    inside = min(max(rho, -1 + 1e-12), 1 - 1e-12)
    half = t_quantile(0.975, n - 2) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(inside) + sign * half) for sign in (-1, 1))
    t = inside * math.sqrt((n - 2) / (1 - inside**2))
    return RankCorrelation(rho, low, high, float(2 * stdtr(n - 2, -abs(t))), n)
