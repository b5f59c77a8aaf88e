"""Least squares over a grid of shapes, and again without each run: all in closed form from sums over runs.

For a fixed shape the curve is linear in its coefficients, so what a run contributes are sums of products; the fit
without a run needs the totals less its own. The best shape is chosen anew for every run left out, so the error of
prediction is that of the whole procedure. Cost: O(K n c²) for K shapes, n points and c columns, and O(K R) for R runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from harness.slopes.curves.base import Array, Curve, Scale

Positions = npt.NDArray[np.intp]
ROUNDING = 1e-13
"""Sums of squares that differ by less than this share of the total are equal."""
SINGULAR = 1e-10
"""A column whose part not explained by the others is below this share of it carries no information."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One curve through one set of points.

    Attributes:
        curve: which curve.
        scale: the range that its link was taken over.
        theta: (q,) the shape.
        coefficients: (1 + c,) intercept first, on the link's scale.
        sse: residual sum of squares on the metric's own scale.
        left_out: (n,) each point predicted without its run, on the metric's own scale.
        without: (R, q + 1 + c) shape and coefficients without each run, runs in order of their number.
    """

    curve: Curve
    scale: Scale
    theta: Array
    coefficients: Array
    sse: float
    left_out: Array
    without: Array

    def predict(self, x: npt.ArrayLike) -> Array:
        """The metric at x, (m,)."""
        return predict(
            self.curve, self.scale, np.asarray(x, dtype=np.float64), self.theta[None], self.coefficients[None]
        )[0]

    def predict_without(self, x: npt.ArrayLike) -> Array:
        """The metric at x (m,) by the fit without each run, (R, m)."""
        q = self.theta.size
        return predict(
            self.curve, self.scale, np.asarray(x, dtype=np.float64), self.without[:, :q], self.without[:, q:]
        )


def predict(curve: Curve, scale: Scale, x: Array, thetas: Array, coefficients: Array) -> Array:
    """Curves of shapes (K, q) with coefficients (K, 1 + c) at x (m,): (K, m)."""
    basis = curve.basis(x, thetas)
    return curve.backward(coefficients[:, :1] + (basis * coefficients[:, None, 1:]).sum(axis=2), scale)


@dataclass(frozen=True, slots=True)
class Grid:
    """What depends on x and runs alone, shared by all tasks of a family: columns, and sums without each run.

    The last of the R + 1 "runs left out" is none at all, so that one pass gives the fit to all points too.

    Attributes:
        thetas: (K, q).
        columns: (K, n, c), each less its mean.
        means: (K, c).
        members: (n, R) the point's weight, one, where it belongs to a run.
        weights: (n,) of the points.
        kept: (R + 1,) weight of the points that are left.
        sums: (K, R + 1, c) sums of columns over them.
        products: (K, R + 1, c, c) sums of products of columns over them, less those of their means.
    """

    thetas: Array
    columns: Array
    means: Array
    members: Array
    weights: Array
    kept: Array
    sums: Array
    products: Array


def grid_through(thetas: Array, columns: Array, means: Array, members: Array) -> Grid:
    """A grid of centred columns for these members of runs."""
    sums, products = sums_by_run(columns, members)
    k, _, c = sums.shape
    counts = members.sum(axis=0)
    kept = counts.sum() - np.append(counts, 0.0)
    left = -np.concatenate([sums, np.zeros((k, 1, c))], axis=1)
    out = np.concatenate([products, np.zeros((k, 1, c, c))], axis=1)
    about = products.sum(axis=1, keepdims=True) - out
    about -= left[..., :, None] * left[..., None, :] / kept[None, :, None, None]
    return Grid(thetas, columns, means, members, members.sum(axis=1), kept, left, about)


@lru_cache(maxsize=256)
def grid_of(curve: Curve, x_bytes: bytes, run_bytes: bytes) -> Grid:
    """The grid of a curve for these x (float64) and run numbers (intp)."""
    x, run = np.frombuffer(x_bytes, dtype=np.float64), np.frombuffer(run_bytes, dtype=np.intp)
    return grid_at(curve, curve.thetas(x), x, run)


def grid_at(curve: Curve, thetas: Array, x: Array, run: Positions) -> Grid:
    """The grid of some shapes (K, q)."""
    columns = curve.basis(x, thetas)
    means = columns.mean(axis=1)
    members = (run[:, None] == np.arange(run.max() + 1)).astype(np.float64)
    return grid_through(thetas, columns - means[:, None, :], means, members)


def sums_by_run(columns: Array, members: Array) -> tuple[Array, Array]:
    """Sums of columns (K, n, c) by run, (K, R, c), and of their products, (K, R, c, c)."""
    k, n, c = columns.shape
    products = (columns[..., :, None] * columns[..., None, :]).reshape(k, n, c * c)
    return summed(columns, members), summed(products, members).reshape(k, -1, c, c)


def summed(columns: Array, members: Array) -> Array:
    """Sums over points of columns (K, n, c) weighted by members (n, R), (K, R, c): one product of matrices."""
    k, n, c = columns.shape
    return (columns.transpose(0, 2, 1).reshape(k * c, n) @ members).reshape(k, c, -1).transpose(0, 2, 1)


def fit(curve: Curve, x: Array, y: Array, run: Positions, scale: Scale) -> Fitted:
    """Fit a curve that is proper for these points.

    Args:
        curve: an entry of the menu.
        x: (n,) upstream values.
        y: (n,) metric.
        run: (n,) number of each point's run, from 0, without gaps.
        scale: the metric's range.

    >>> from harness.slopes.curves import menu_of
    >>> x = np.linspace(2, 3, 9)
    >>> found = fit(menu_of("nats per token")[1], x, 0.8 - 0.5 * np.exp(-3 * (x - 2)), np.arange(9), Scale())
    >>> float(np.round(found.predict([2.5])[0], 3))
    0.688
    """
    grid = grid_of(curve, np.ascontiguousarray(x, dtype=np.float64).tobytes(), np.ascontiguousarray(run).tobytes())
    link = curve.forward(y, scale)
    found = solved(curve, grid, x, y, link, run, scale)
    if not curve.linked:
        return found
    return solved(curve, weighted(grid, curve.weights(found.predict(x), scale)), x, y, link, run, scale)


def refined(found: Fitted, x: Array, y: Array, run: Positions) -> Fitted:
    """The same curve with shapes between the nodes of its grid, about those that were best with and without each run.

    Between two nodes a best shape jumps with a little noise, and more than the spread over runs left out tells.
    """
    picked = np.unique(np.vstack([found.theta[None], found.without[:, : found.theta.size]]), axis=0)
    thetas = found.curve.between(x, picked)
    if len(thetas) == 0:
        return found
    grid = grid_at(found.curve, thetas, x, run)
    return solved(found.curve, grid, x, y, found.curve.forward(y, found.scale), run, found.scale)


def weighted(grid: Grid, weights: Array) -> Grid:
    """The grid of the same points with weights: what a link stretches counts for less.

    With w = (dy/dg)² at the fitted values, least squares on the link's scale is, to first order, least squares on the
    metric's own.
    """
    columns = grid.columns + grid.means[:, None, :]
    means = np.einsum("knc,n->kc", columns, weights) / weights.sum()
    return grid_through(grid.thetas, columns - means[:, None, :], means, grid.members * weights[:, None])


def solved(curve: Curve, grid: Grid, x: Array, y: Array, link: Array, run: Positions, scale: Scale) -> Fitted:
    """Coefficients for all points, and without each run."""
    total, n = grid.weights.sum(), grid.kept
    mean = float(grid.weights @ link) / total
    g = link - mean
    weighed = g[:, None] * grid.members
    y_sum, y_square = -np.append(g @ grid.members, 0.0), grid.weights @ (g * g) - np.append(g @ weighed, 0.0)
    cross = summed(grid.columns, weighed)
    zy = cross.sum(axis=1, keepdims=True) - grid.sums * (y_sum / n)[:, None]
    zy[:, :-1] -= cross
    slopes = solve(grid.products, zy)
    sse = y_square - y_sum**2 / n - (slopes * zy).sum(axis=2)
    best = first_of_least(sse, float(y_square[-1]))
    at = np.arange(best.size)
    slope = slopes[best, at]
    level = mean + y_sum / n - (slope * (grid.sums[best, at] / n[:, None] + grid.means[best])).sum(axis=1)
    coefficients = np.concatenate([level[:, None], slope], axis=1)
    thetas = grid.thetas[best]
    held = predict(curve, scale, x, thetas, coefficients)
    return Fitted(
        curve, scale, thetas[-1], coefficients[-1], float(np.sum((y - held[-1]) ** 2)),
        held[run, np.arange(x.size)], np.concatenate([thetas, coefficients], axis=1)[:-1],
    )  # fmt: skip


def first_of_least(sse: Array, total: float) -> Positions:
    """The first shape whose SSE (K, R) is the least, to rounding: where no point tells two shapes apart, no chance does."""
    if len(sse) == 1:
        return np.zeros(sse.shape[1], dtype=np.intp)
    sse = np.where(np.isfinite(sse), sse, np.inf)
    return np.argmax(sse <= sse.min(axis=0) + ROUNDING * total, axis=0)


def solve(zz: Array, zy: Array) -> Array:
    """Coefficients (..., c) of the normal equations; NaN where columns carry no information of their own."""
    if zy.shape[-1] == 1:
        top = np.abs(zz).max()
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(zz[..., 0] > 1e-12 * top if top > 0 else False, zy / zz[..., 0], np.nan)
    diagonal = np.sqrt(np.maximum(np.diagonal(zz, axis1=-2, axis2=-1), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = zz / (diagonal[..., :, None] * diagonal[..., None, :])
        share = 1 - scaled[..., 0, 1] ** 2
        a, b = zy[..., 0] / diagonal[..., 0], zy[..., 1] / diagonal[..., 1]
        first, second = (a - scaled[..., 0, 1] * b) / share, (b - scaled[..., 0, 1] * a) / share
        found = np.stack([first / diagonal[..., 0], second / diagonal[..., 1]], axis=-1)
    return np.where((share > SINGULAR)[..., None], found, np.nan)
