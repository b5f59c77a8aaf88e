"""Ratio estimator: a sum over sequences divided by their tokens, with a standard error by cluster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

SYMMETRIC = 1e-6
"""Skewness below which its removal would divide rounding errors by one another."""


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """``value`` with its standard error and two-sided interval, in the unit of a term per token."""

    value: float
    stderr: float
    low: float
    high: float
    clusters: int

    @property
    def relative_half_width(self) -> float:
        """Half the interval's width over ``|value|``; infinite where the value is zero.

        >>> round(RatioEstimate(value=-2.0, stderr=0.05, low=-2.1, high=-1.9, clusters=33).relative_half_width, 6)
        0.05
        """
        return relative_half_width(self.value, self.low, self.high)


def relative_half_width(value: float, low: float, high: float) -> float:
    """Half an interval's width over ``|value|``; infinite where the value is zero and the interval is not."""
    half_width = (high - low) / 2
    if half_width == 0:
        return 0.0
    return half_width / abs(value) if value else float("inf")


@lru_cache(maxsize=1024)
def t_quantile(degrees_of_freedom: int, level: float = 0.95) -> float:
    """The two-sided Student-t quantile.

    >>> round(t_quantile(31), 4)
    2.0395
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + level) / 2))


def ratio_estimate(
    terms: NDArray[np.float64], tokens: NDArray[np.int64], clusters: NDArray[np.int64], level: float = 0.95
) -> RatioEstimate:
    r"""Estimate ``R = sum a_s / sum n_s``, where ``a`` and ``n`` are first summed within clusters.

    ``SE^2 = sum_s (a_s - R n_s)^2 / (S (S - 1) nbar^2)`` over the ``S`` clusters: Cochran, Sampling
    Techniques (1977), section 6.3, without the finite-population factor. The interval is that of Student's t with its
    skewness removed (:func:`skewness_removed`): symmetric, ``R +- t_{S-1} SE``, where the clusters are.

    Args:
        terms: ``a``, one per sequence, shape ``(N,)``.
        tokens: ``n``, scored tokens of each sequence, shape ``(N,)``.
        clusters: The document of each sequence, shape ``(N,)``.
        level: Coverage of the interval.

    Raises:
        HarnessError: Fewer than two clusters.

    >>> a = ratio_estimate(np.array([2.0, 4.0, 6.0]), np.array([1, 2, 2]), np.array([0, 1, 2]))
    >>> a.value, round(a.stderr, 6), a.clusters
    (2.4, 0.366606, 3)
    """
    _, index = np.unique(clusters, return_inverse=True)
    a, n = np.bincount(index, weights=terms), np.bincount(index, weights=tokens)
    count = len(a)
    if count < 2:
        raise HarnessError(
            f"found {count} cluster (document): a standard error needs at least two; give more documents"
        )
    value = a.sum() / n.sum()
    residuals = a - value * n
    stderr = float(np.sqrt(np.sum(residuals**2) / (count * (count - 1))) / n.mean())
    low, high = skewness_removed(t_quantile(count - 1, level), skewness(residuals), count)
    return RatioEstimate(float(value), stderr, float(value - high * stderr), float(value - low * stderr), count)


def skewness(residuals: NDArray[np.float64]) -> float:
    """Third standardised moment of numbers whose mean is zero; zero where they are all equal.

    >>> round(skewness(np.array([-1.0, -1.0, 2.0])), 6), skewness(np.zeros(3))
    (0.707107, 0.0)
    """
    _, exponent = np.frexp(np.abs(residuals).max())
    scaled = np.ldexp(residuals, -exponent)  # exactly, or the powers of tiny ones are zero
    spread = float(np.mean(scaled**2))
    return float(np.mean(scaled**3)) / spread**1.5 if spread > 0 else 0.0


def skewness_removed(quantile: float, skew: float, count: int) -> tuple[float, float]:
    r"""What takes the place of ``-t`` and ``t`` in an interval ``estimate - t SE`` when terms are skewed.

    Few heavy terms make the usual interval miss on one side: a sample without one of them has a mean that is too low
    and a standard error that is too small. With ``a = skew / sqrt(S)`` the transformed statistic
    ``g(T) = T + a T^2 / 3 + a^2 T^3 / 27 + a / 6`` is nearly symmetric, and

        ``g^-1(x) = 3 / a ((1 + a (x - a / 6))^(1/3) - 1)``.

    Hall, On the removal of skewness by transformation, Journal of the Royal Statistical Society B 54 (1992), 221-228.
    Measured, 2,000 samples of 32 lognormal terms (sigma 1, skewness 6): 0.93 covered, 0.89 without it.

    Args:
        quantile: Of Student's t, two-sided.
        skew: Third standardised moment of the clusters' residuals.
        count: Clusters.

    Returns:
        Lower and upper value; ``(-quantile, quantile)`` without skewness.

    >>> skewness_removed(2.0, 0.0, 32)
    (-2.0, 2.0)
    >>> [round(x, 3) for x in skewness_removed(2.0, 2.0, 32)]
    [-2.987, 1.614]
    """
    a = skew / math.sqrt(count)
    if abs(a) < SYMMETRIC:
        return -quantile, quantile
    low, high = (3 / a * (float(np.cbrt(1 + a * (x - a / 6))) - 1) for x in (-quantile, quantile))
    return low, high
