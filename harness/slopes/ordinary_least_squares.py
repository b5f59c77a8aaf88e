"""A straight line by least squares: slope, intervals, leverage, Cook's distance and the skill left out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

Array = npt.NDArray[np.float64]

EXACT = 1e-24
"""A residual sum of squares below this share of the total one is rounding: the points lie on the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastSquares:
    """y = intercept + slope x + e, fitted to n points; leading axes of y are fits that share x.

    Attributes:
        n: number of points.
        slope: (...,) in units of y per unit of x.
        intercept: (...,) in units of y.
        stderr: (...,) standard error of the slope under errors of equal variance.
        stderr_hc3: (...,) standard error of the slope under errors of any variance (MacKinnon and White 1985).
        residual: (..., n) y minus the line.
        residual_sd: (...,) root of the residual sum of squares over n - 2.
        leverage: (n,) diagonal of the hat matrix, in [1/n, 1].
        cook: (..., n) Cook's distance: how far the line moves without the point.
        r2: (...,) 1 - SSE/SST.
        q2: (...,) 1 - PRESS/SST, each point predicted without itself, SST about the mean of all points.
    """

    n: int
    slope: Array
    intercept: Array
    stderr: Array
    stderr_hc3: Array
    residual: Array
    residual_sd: Array
    leverage: Array
    cook: Array
    r2: Array
    q2: Array

    def interval(self, *, robust: bool, level: float = 0.95) -> tuple[Array, Array]:
        """Slope -+ t(n-2) standard errors: HC3's when ``robust``, else those of equal variances."""
        half_width = t_quantile(0.5 + level / 2, self.n - 2) * (self.stderr_hc3 if robust else self.stderr)
        return self.slope - half_width, self.slope + half_width


def ordinary_least_squares(x: npt.ArrayLike, y: npt.ArrayLike) -> LeastSquares:
    """Fit y = intercept + slope x.

    With c = x - mean(x), h = 1/n + c²/sum c² and residuals e: the variance of the slope is s²/sum c², and HC3's is
    sum (c e / (1-h))² / (sum c²)²; PRESS = sum (e / (1-h))²; Cook's D = e² h / (2 s² (1-h)²).

    Args:
        x: (n,) at least three values, not all alike, no point alone at a value that all others share.
        y: (..., n).

    Raises:
        HarnessError: fewer than three points, a value that is no number, constant x, or a point of leverage one.

    >>> fit = ordinary_least_squares([0, 1, 2, 3], [1, 3, 5, 8])
    >>> round(float(fit.slope), 6), round(float(fit.r2), 4), round(float(fit.q2), 4)
    (2.3, 0.9888, 0.933)
    """
    x, y = checked(x, y, least=3)
    n = x.size
    centred_x = x - x.mean()
    sum_squares = np.sum(centred_x**2)
    leverage = 1 / n + centred_x**2 / sum_squares
    if leverage.max() > 1 - 1e-12:
        raise HarnessError(
            f"x value {x[leverage.argmax()]:g} stands alone against one other value of x: a line through it has no "
            "residual there and no honest error; measure checkpoints in between"
        )
    mean_y = y.mean(axis=-1, keepdims=True)
    slope = (y - mean_y) @ centred_x / sum_squares
    residual = y - mean_y - slope[..., None] * centred_x
    left_out = residual / (1 - leverage)
    sse, sst = np.sum(residual**2, axis=-1), np.sum((y - mean_y) ** 2, axis=-1)
    variance = sse / (n - 2)
    exact = sse <= EXACT * sst
    with np.errstate(divide="ignore", invalid="ignore"):
        cook = np.where(exact[..., None], 0.0, left_out**2 * leverage / (2 * variance[..., None]))
        r2, q2 = 1 - sse / sst, 1 - np.sum(left_out**2, axis=-1) / sst
    return LeastSquares(
        n=n,
        slope=slope,
        intercept=mean_y[..., 0] - slope * x.mean(),
        stderr=np.sqrt(variance / sum_squares),
        stderr_hc3=np.sqrt(np.sum((left_out * centred_x) ** 2, axis=-1)) / sum_squares,
        residual=residual,
        residual_sd=np.sqrt(variance),
        leverage=leverage,
        cook=cook,
        r2=r2,
        q2=q2,
    )


def line_through(x: Array, y: Array) -> tuple[float, float]:
    """Slope and intercept of the least-squares line through two points or more; x must not be constant.

    >>> line_through(np.array([0.0, 2.0]), np.array([1.0, 5.0]))
    (2.0, 1.0)
    """
    centred_x = x - x.mean()
    slope = float((y - y.mean()) @ centred_x / (centred_x @ centred_x))
    return slope, float(y.mean() - slope * x.mean())


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Quantile of Student's t.

    >>> round(t_quantile(0.975, 8), 4)
    2.306
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def checked(x: npt.ArrayLike, y: npt.ArrayLike, *, least: int) -> tuple[Array, Array]:
    """X and y as float arrays that a line can be fitted through.

    Raises:
        HarnessError: shapes that differ, fewer than ``least`` points, a value that is no number, constant x.
    """
    x, y = as_floats("x", x), as_floats("y", y)
    if x.ndim != 1 or y.ndim < 1 or y.shape[-1] != x.size:
        raise HarnessError(f"x has shape {x.shape} and y {y.shape}; expected one y for each x: (n,) and (..., n)")
    if x.size < least:
        raise HarnessError(f"{x.size} points; a line with an interval needs at least {least}: measure more checkpoints")
    for name, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            raise HarnessError(f"{name} holds NaN or infinite values; leave those points out, and say why")
    if np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise HarnessError(f"x is {x[0]:g} at every point; a slope needs checkpoints whose upstream values differ")
    return x, y


def as_floats(name: str, values: Any) -> Array:
    """An array of floats.

    Raises:
        HarnessError: something in ``values`` is no number.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise HarnessError(f"{name} must hold numbers, one per point: {error}") from None
