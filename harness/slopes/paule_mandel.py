"""The mean slope of families, how far families differ, and what to expect of a new one.

b_f ~ N(mu, tau² + se_f²). tau² solves sum w_f (b_f - mu)² = k - 1, w_f = 1/(tau² + se_f²) (Paule and Mandel 1982,
Journal of Research of the National Bureau of Standards 87, 377); the interval of mu is Hartung and Knapp's (2001,
Statistics in Medicine 20, 3875) with t(k-1). I² is Higgins and Thompson's (2002), from Cochran's Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array, t_quantile


@dataclass(frozen=True, slots=True)
class Families:
    """A random-effects mean of k families' slopes.

    Attributes:
        k: number of families.
        mean: mu.
        low: lower end of the interval of mu.
        high: upper end.
        stderr: Hartung and Knapp's standard error of mu.
        tau: standard deviation of slopes between families.
        i2: share of the spread that is not within-family error, from Cochran's Q.
        predict_low: lower end of the interval for a new family, t(k-2); None with two families.
        predict_high: upper end.
        shrunken: (k,) empirical-Bayes slopes mu + tau²/(tau² + se²) (b - mu).
    """

    k: int
    mean: float
    low: float
    high: float
    stderr: float
    tau: float
    i2: float
    predict_low: float | None
    predict_high: float | None
    shrunken: Array


def paule_mandel(slopes: Array, stderrs: Array, level: float = 0.95) -> Families:
    """Combine the slopes of families.

    Args:
        slopes: (k,) at least two.
        stderrs: (k,) above zero.
        level: confidence level.

    Raises:
        HarnessError: fewer than two families, or an error that is not above zero.

    >>> found = paule_mandel(np.array([0.3, 0.6, 0.7]), np.array([0.05, 0.05, 0.05]))
    >>> round(found.mean, 4), round(found.tau, 4), round(found.i2, 3)
    (0.5333, 0.2021, 0.942)
    """
    if slopes.size < 2 or not (np.all(stderrs > 0) and np.isfinite(slopes).all() and np.isfinite(stderrs).all()):
        raise HarnessError("a mean of families needs two or more slopes with standard errors above zero")
    k = slopes.size
    tau2 = between(slopes, stderrs)
    weight = 1 / (tau2 + stderrs**2)
    mean = float(np.average(slopes, weights=weight))
    stderr = float(np.sqrt(np.sum(weight * (slopes - mean) ** 2) / ((k - 1) * weight.sum())))
    half = t_quantile(0.5 + level / 2, k - 1) * stderr
    reach = t_quantile(0.5 + level / 2, k - 2) * float(np.sqrt(tau2 + stderr**2)) if k > 2 else None
    q = excess(0.0, slopes, stderrs) + k - 1
    return Families(
        k=k, mean=mean, low=mean - half, high=mean + half, stderr=stderr, tau=float(np.sqrt(tau2)),
        i2=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        predict_low=None if reach is None else mean - reach,
        predict_high=None if reach is None else mean + reach,
        shrunken=mean + tau2 / (tau2 + stderrs**2) * (slopes - mean),
    )  # fmt: skip


def excess(tau2: float, slopes: Array, stderrs: Array) -> float:
    """Generalised Q at tau², less its expectation k - 1."""
    weight = 1 / (tau2 + stderrs**2)
    mean = np.average(slopes, weights=weight)
    return float(np.sum(weight * (slopes - mean) ** 2) - (slopes.size - 1))


def between(slopes: Array, stderrs: Array) -> float:
    """tau² by Brent's root finding; 0 where the families differ no more than their errors."""
    from scipy.optimize import brentq

    if excess(0.0, slopes, stderrs) <= 0:
        return 0.0
    high = float(np.var(slopes, ddof=1)) + float(np.max(stderrs) ** 2)
    while excess(high, slopes, stderrs) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, args=(slopes, stderrs), xtol=1e-300, rtol=1e-14))
