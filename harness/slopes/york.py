"""A line with errors in both x and y (York 1966; York et al. 2004, American Journal of Physics 72, 367, eqs. 13).

With weights w_x, w_y and W = w_x w_y / (w_x + b² w_y): b = sum W beta V / sum W beta U, U and V the deviations from
the weighted means, beta = W (U / w_y + b V / w_x). Errors of x and y are taken for independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array, line_through, t_quantile

ROUNDS = 500


@dataclass(frozen=True, slots=True)
class York:
    """A line y = intercept + slope x.

    Attributes:
        slope: in units of y per unit of x.
        intercept: in units of y.
        stderr: of the slope, scaled by sqrt(chi² / (n - 2)) where that exceeds one: misfit beyond the stated errors
            is then taken for error, not ignored.
        internal: the same unscaled, from the stated errors alone.
        chi2: reduced chi².
        scatter: standard deviation of y beyond its stated errors, in units of y; 0 where none is needed.
        n: number of points.
    """

    slope: float
    intercept: float
    stderr: float
    internal: float
    chi2: float
    scatter: float
    n: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Slope -+ t(n-2) scaled standard errors."""
        half = t_quantile(0.5 + level / 2, self.n - 2) * self.stderr
        return self.slope - half, self.slope + half


def york(x: Array, y: Array, x_stderr: Array, y_stderr: Array, *, scatter: bool = False) -> York:
    """Fit a line through points with known standard errors in both directions.

    Args:
        x: (n,) at least three.
        y: (n,).
        x_stderr: (n,) above zero.
        y_stderr: (n,) above zero, or zero with ``scatter``.
        scatter: estimate an intrinsic scatter of y, added in quadrature, that makes the reduced chi² one; the weights
            then follow the misfit, not the stated errors alone.

    Raises:
        HarnessError: fewer than three points, or an error that is not above zero.

    >>> x = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
    >>> y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
    >>> w_x, w_y = [1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1], [1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]
    >>> fit = york(x, y, 1 / np.sqrt(w_x), 1 / np.sqrt(w_y))
    >>> round(fit.slope, 6), round(fit.intercept, 6), round(fit.internal, 6), round(fit.stderr, 5)
    (-0.480533, 5.47991, 0.057985, 0.07062)
    """
    if x.size < 3:
        raise HarnessError(f"{x.size} points; a line with errors in x needs at least three")
    if not (np.all(x_stderr > 0) and (scatter or np.all(y_stderr > 0))):
        raise HarnessError("York's fit needs standard errors above zero for every x and y; give them or fit without")
    found = fitted(x, y, x_stderr, y_stderr, 0.0) if np.all(y_stderr > 0) else None
    if not scatter or (found is not None and found.chi2 <= 1):
        assert found is not None, "checked above"
        return found

    from scipy.optimize import brentq

    def excess(extra: float) -> float:
        return fitted(x, y, x_stderr, y_stderr, extra).chi2 - 1

    low, high = 1e-9 * float(np.ptp(y)), float(np.ptp(y))
    if excess(low) <= 0:
        return fitted(x, y, x_stderr, y_stderr, low)
    return fitted(x, y, x_stderr, y_stderr, float(brentq(excess, low, high)))


def fitted(x: Array, y: Array, x_stderr: Array, y_stderr: Array, extra: float) -> York:
    """York's iteration with an intrinsic scatter of y."""
    var_x, var_y = x_stderr**2, y_stderr**2 + extra**2
    slope = line_through(x, y)[0]
    for _ in range(ROUNDS):
        weight = 1 / (var_y + slope**2 * var_x)
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        u, v = x - mean_x, y - mean_y
        beta = weight * (u * var_y + slope * v * var_x)
        better = float(np.sum(weight * beta * v) / np.sum(weight * beta * u))
        done = abs(better - slope) <= 1e-14 * max(abs(better), 1e-300)
        slope = better
        if done:
            break
    weight = 1 / (var_y + slope**2 * var_x)
    intercept = float(np.average(y, weights=weight) - slope * np.average(x, weights=weight))
    adjusted = np.average(x, weights=weight) + beta
    internal = float(1 / np.sqrt(np.sum(weight * (adjusted - np.average(adjusted, weights=weight)) ** 2)))
    chi2 = float(np.sum(weight * (y - intercept - slope * x) ** 2) / (x.size - 2))
    return York(slope, intercept, internal * max(1.0, chi2) ** 0.5, internal, chi2, extra, x.size)
