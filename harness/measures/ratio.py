"""Ratio estimator: a sum over sequences divided by their tokens, with a standard error by cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

METHOD = "ratio estimator, clustered by document"


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """``value`` with its standard error and two-sided t interval, in the unit of a term per token."""

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
        half_width = (self.high - self.low) / 2
        if half_width == 0:
            return 0.0
        return half_width / abs(self.value) if self.value else float("inf")


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
    Techniques (1977), section 6.3, without the finite-population factor. The interval is
    ``R +- t_{S-1} SE``.

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
    stderr = float(np.sqrt(np.sum((a - value * n) ** 2) / (count * (count - 1))) / n.mean())
    half_width = t_quantile(count - 1, level) * stderr
    return RatioEstimate(float(value), stderr, float(value - half_width), float(value + half_width), count)
