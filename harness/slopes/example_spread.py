"""How far other examples would move a slope, and what of it the scatter of the points does not show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.slopes.cell import ExampleErrors
from harness.slopes.curves.least_squares import Fitted
from harness.slopes.curves.tangent import slope_at, tangent, weights_of_average
from harness.slopes.ordinary_least_squares import Array, LeastSquares
from harness.slopes.runs import MeanSlope, Sample, runs_with_slope


@dataclass(frozen=True, slots=True)
class Linear:
    """A slope to first order.

    Attributes:
        weights: (n,) by how much it moves with each y.
        x_weights: (n,) by how much it moves with each x, the window moving along.
        columns: (n, p) the directions in which its curve can go.
        slopes: (n,) dy/dx of the curve at each point.
    """

    weights: Array
    x_weights: Array
    columns: Array
    slopes: Array


@dataclass(frozen=True, slots=True)
class ExampleSpread:
    """Standard error of a slope dy/dx by the choice of examples.

    Attributes:
        stderr: all of it.
        shared: of it, what all checkpoints share. The rest, each one's own luck, is in the scatter that an interval is
            made of, and would be counted twice.
    """

    stderr: float
    shared: float


def of_curve(fitted: Fitted, sample: Sample, window: tuple[float, float]) -> Linear:
    """The average slope of a curve over a window.

    An error d of one x does what -f'(x) d does to y; and the window is one of measured losses, whose ends move with
    the line through the errors of all x: were all losses shifted alike, the average slope would stay.
    """
    x, ends = sample.x, np.asarray(window)
    weights, slopes, width = weights_of_average(fitted, x, window), slope_at(fitted, x), window[1] - window[0]
    centred = x - x.mean()
    low, high = 1 / x.size + np.outer(ends - x.mean(), centred) / (centred @ centred)
    at_low, at_high = slope_at(fitted, ends)
    average = float(np.diff(fitted.predict(ends))[0]) / width
    moved = ((at_high - average) * high - (at_low - average) * low) / width
    return Linear(weights, moved - weights * slopes, tangent(fitted, x), slopes)


def of_line(least_squares: LeastSquares, by_run: MeanSlope | None, sample: Sample) -> Linear:
    """The slope of a straight line: the mean of runs' own where there is one, else that of least squares."""
    x = sample.x
    groups = [np.arange(x.size)] if by_run is None else runs_with_slope(sample)
    weights = np.zeros(x.size)
    for where in groups:
        centred = x[where] - x[where].mean()
        weights[where] = centred / (centred @ centred) / len(groups)
    slope = float(least_squares.slope) if by_run is None else by_run.slope
    return Linear(weights, -slope * weights, np.column_stack([np.ones(x.size), x]), np.full(x.size, slope))


def spread_of(examples: ExampleErrors, linear: Linear, run: npt.NDArray[np.intp], *, per_run: bool) -> ExampleSpread:
    """The error of a slope by the choice of examples.

    With c and v the weights of y and x the variance is c' Y c + 2 v' XY c + v' X v. What the curve cannot follow is each
    run's own: with S the covariance of y - f'(x) x and M the residual maker of the curve's columns, the sum over runs of
    (c' M S M c within the run), times R / (R - 1) for runs with slopes of their own, R / (R - p) else, for what the curve
    takes.

    Args:
        examples: covariances of the points' values.
        linear: the slope.
        run: (n,) number of each point's run, from 0; each point's own number where one run stands for all.
        per_run: whether runs have slopes of their own.
    """
    c, v, f = linear.weights, linear.x_weights, linear.slopes
    cross = f[:, None] * examples.xy
    both = examples.y - cross - cross.T + f[:, None] * examples.x * f
    size = np.maximum(np.linalg.norm(linear.columns, axis=0), 1e-300)
    columns = linear.columns / size
    maker = np.eye(c.size) - columns @ np.linalg.pinv(columns, rcond=1e-6)
    count, left = int(run.max()) + 1, c[:, None] * (maker @ both @ maker) * c
    freedom = count - (1 if per_run else linear.columns.shape[1])
    own = float(left[run[:, None] == run].sum()) * count / max(freedom, 1)
    variance = max(float(c @ examples.y @ c + 2 * v @ examples.xy @ c + v @ examples.x @ v), 0.0)
    return ExampleSpread(variance**0.5, max(variance - own, 0.0) ** 0.5)


def averaged(examples: ExampleErrors, run: npt.NDArray[np.intp]) -> ExampleErrors:
    """The covariances of the means of runs, (R, R), runs in the order of their number."""
    members = (run == np.arange(int(run.max()) + 1)[:, None]).astype(np.float64)
    members /= members.sum(axis=1, keepdims=True)
    return ExampleErrors(*(members @ part @ members.T for part in (examples.y, examples.x, examples.xy)))
