"""The average marginal slope of a curve over a window, and how sure it is.

AMS = (f(high) - f(low)) / (high - low), the mean of dy/dx over the window; of a line it is the slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from harness.slopes.curves.base import Array
from harness.slopes.curves.least_squares import Fitted, grid_of


@dataclass(frozen=True, slots=True)
class Marginal:
    """An average marginal slope with its interval in native units, dy/dx."""

    slope: float
    stderr: float
    low: float
    high: float
    method: str


def average_slope(fitted: Fitted, window: tuple[float, float]) -> float:
    """The AMS of the fit to all points."""
    low, high = fitted.predict(np.array(window))
    return float((high - low) / (window[1] - window[0]))


def jackknife(fitted: Fitted, window: tuple[float, float], *, per_run: bool, level: float = 0.95) -> Marginal:
    """Leave one run out, shape and all, and take the spread of the AMS (Quenouille, Tukey; Efron and Stein 1981).

    With R runs and s_r the AMS without run r: variance (R-1)/R sum (s_r - mean)², t with R - 1 degrees of freedom where
    ``per_run``. Else checkpoints, or those at one upstream value together, stand for runs, and it is R - p for p
    parameters: of a line that is, to O(1/n), HC3, and as robust to unequal variances. Left out by value, a curve that
    does not fit says so by its spread.
    """
    ends = fitted.predict_without(np.array(window))
    slopes = (ends[:, 1] - ends[:, 0]) / (window[1] - window[0])
    runs = slopes.size
    stderr = float(np.sqrt((runs - 1) / runs * np.sum((slopes - slopes.mean()) ** 2)))
    freedom = runs - 1 if per_run else max(runs - fitted.curve.parameters, 1)
    slope = average_slope(fitted, window)
    half = float(stdtrit(freedom, 0.5 + level / 2)) * stderr
    return Marginal(
        slope,
        stderr,
        slope - half,
        slope + half,
        f"{'leave-one-run-out' if per_run else 'leave-one-out'} jackknife, t({freedom})",
    )


def profile(fitted: Fitted, x: Array, y: Array, window: tuple[float, float], level: float = 0.95) -> Marginal:
    """Every AMS at which the best curve is not significantly worse than the best of all (profile likelihood).

    SSE(s) <= SSE_min (1 + t²/(n - p)). For a fixed shape z the AMS is b (z(high) - z(low))/(high - low), so the
    ends have a closed form at every node of the grid: b -+ sqrt((limit - SSE(node)) / Szz). Needs one column and no
    link; equal variances are assumed, as in any likelihood of least squares.
    """
    run = np.arange(x.size, dtype=np.intp)
    grid = grid_of(fitted.curve, x.astype(np.float64).tobytes(), run.tobytes())
    z = grid.columns[..., 0]
    szz, szy = np.einsum("kn,kn->k", z, z), z @ (y - y.mean())
    ok = szz > 1e-12 * szz.max()
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.where(ok, szy / szz, 0.0)
    sse = np.where(ok, np.sum((y - y.mean()) ** 2) - b * szy, np.inf)
    freedom = max(x.size - fitted.curve.parameters, 1)
    t = float(stdtrit(freedom, 0.5 + level / 2))
    limit = sse.min() * (1 + t**2 / freedom)
    inside = sse <= limit
    ends = fitted.curve.basis(np.array(window), grid.thetas[inside])[..., 0]
    rise = (ends[:, 1] - ends[:, 0]) / (window[1] - window[0])
    half = np.sqrt(np.maximum(limit - sse[inside], 0.0) / szz[inside])
    slopes = np.stack([(b[inside] - half) * rise, (b[inside] + half) * rise])
    low, high = float(slopes.min()), float(slopes.max())
    return Marginal(
        average_slope(fitted, window), (high - low) / (2 * t), low, high, f"profile likelihood, t({freedom})"
    )
