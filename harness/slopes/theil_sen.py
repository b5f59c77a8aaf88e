"""The median of all pairwise slopes, with an interval from their order statistics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from harness.slopes.ordinary_least_squares import Array, checked, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class TheilSen:
    """A line that up to 29 % of the points cannot carry away; leading axes of y are fits that share x.

    Attributes:
        n: number of points.
        slope: (...,) median of (y_j - y_i)/(x_j - x_i) over pairs with different x.
        intercept: (...,) median(y) - slope median(x).
        low: (...,) lower end of the interval.
        high: (...,) upper end of the interval.
    """

    n: int
    slope: Array
    intercept: Array
    low: Array
    high: Array

    @property
    def stderr(self) -> Array:
        """What a t(n-2) interval of the same width would have for a standard error, (...,).

        The order-statistic interval has no standard error of its own: this one is the interval's half width over
        t_.975(n-2), and serves to state the smallest slope that the design could have detected.
        """
        return (self.high - self.low) / (2 * t_quantile(0.975, self.n - 2))


def theil_sen(x: npt.ArrayLike, y: npt.ArrayLike, level: float = 0.95) -> TheilSen:
    """Fit by the median of the pairwise slopes (Theil 1950); the interval inverts Kendall's test (Sen 1968).

    Of the N sorted slopes the ends are those ranked (N -+ z sigma)/2, with sigma² = [n(n-1)(2n+5) - ties]/18 and
    ties the sum of k(k-1)(2k+5) over groups of k equal values, of x and of y: the conventions, and to rounding the
    numbers, of ``scipy.stats.theilslopes``. Where ties leave no sigma the ends are the least and the greatest slope.
    Fewer than five points cannot give 95 %: all six slopes of four points cover 11 times in 12.

    Args:
        x: (n,) at least three values, not all alike; pairs of equal x are left out.
        y: (..., n).
        level: confidence level.

    Raises:
        HarnessError: fewer than three points, a value that is no number, or constant x.

    >>> fit = theil_sen([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 50])
    >>> float(fit.slope), float(fit.low)
    (1.0, 1.0)
    """
    from scipy.special import ndtri

    x, y = checked(x, y, least=3)
    slopes = np.sort(pairwise_slopes(x, y), axis=-1)
    n, pairs = x.size, slopes.shape[-1]
    variance = (n * (n - 1) * (2 * n + 5) - ties(x) - ties(y)) / 18
    spread = np.where(variance > 0, ndtri(0.5 + level / 2) * np.sqrt(np.maximum(variance, 0)), pairs)
    low = np.maximum(np.round((pairs - spread) / 2).astype(int) - 1, 0)
    high = np.minimum(np.round((pairs + spread) / 2).astype(int), pairs - 1)
    slope = (slopes[..., (pairs - 1) // 2] + slopes[..., pairs // 2]) / 2 + 0.0  # no minus zero
    return TheilSen(
        n=n,
        slope=slope,
        intercept=np.median(y, axis=-1) - slope * np.median(x),
        low=np.take_along_axis(slopes, low[..., None], axis=-1)[..., 0],
        high=np.take_along_axis(slopes, high[..., None], axis=-1)[..., 0],
    )


def pairwise_slopes(x: Array, y: Array) -> Array:
    """The slopes of all pairs with different x, (..., pairs).

    >>> pairwise_slopes(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 4.0])).tolist()
    [3.0, 2.0, 1.0]
    """
    first, second = pairs_of(x.size)
    run = x[second] - x[first]
    rise = y[..., second] - y[..., first]
    apart = run != 0
    return rise / run if apart.all() else rise[..., apart] / run[apart]


@lru_cache(maxsize=64)
def pairs_of(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the first and second of all pairs of n."""
    return np.triu_indices(n, 1)


def ties(values: Array) -> npt.NDArray[np.int_]:
    """Sum of k(k-1)(2k+5) over groups of k equal values along the last axis.

    >>> int(ties(np.array([1.0, 2.0, 2.0, 3.0])))
    18
    """
    size = (values[..., :, None] == values[..., None, :]).sum(axis=-1)
    return ((size - 1) * (2 * size + 5)).sum(axis=-1)
