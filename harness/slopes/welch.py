"""Are several slopes equal, each with its own standard error and degrees of freedom? Welch's test (1951, Biometrika 38, 330)."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from harness.slopes.analysis_of_covariance import Test
from harness.slopes.ordinary_least_squares import Array


def welch(slopes: Array, stderrs: Array, freedom: Array) -> Test:
    """F of k slopes about their weighted mean, w = 1/se², W their sum.

    With L = sum (1 - w/W)² / freedom: F = [sum w (b - mean)² / (k - 1)] / [1 + 2 (k - 2) L / (k² - 1)] with k - 1 and
    (k² - 1) / (3 L) degrees of freedom; of two slopes it is the square of Welch's t.

    Args:
        slopes: (k,) two or more.
        stderrs: (k,) above zero.
        freedom: (k,) degrees of freedom of each standard error.

    >>> found = welch(np.array([1.0, 2.0]), np.array([0.3, 0.4]), np.array([9.0, 9.0]))
    >>> round(found.f, 2), round(found.within, 1)
    (4.0, 16.7)
    """
    k = slopes.size
    weight = 1 / stderrs**2
    mean = float(np.average(slopes, weights=weight))
    unsure = float(np.sum((1 - weight / weight.sum()) ** 2 / freedom))
    f = float(np.sum(weight * (slopes - mean) ** 2)) / (k - 1) / (1 + 2 * (k - 2) * unsure / (k**2 - 1))
    within = (k**2 - 1) / (3 * unsure)
    return Test(f, k - 1, within, float(fdtrc(k - 1, within, f)))
