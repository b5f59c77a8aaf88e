"""The same fit for plain arrays: no records, no suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from harness.errors import HarnessError
from harness.slopes.cell import Axis, Cell, Fit, Point
from harness.slopes.fit import fit_cell
from harness.slopes.ordinary_least_squares import as_floats


def fit_points(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    x_stderr: npt.ArrayLike | None = None,
    y_stderr: npt.ArrayLike | None = None,
    run: Sequence[Any] | None = None,
    name: Sequence[Any] | None = None,
    upstream_unit: str = "nats per token",
    upstream_higher_is_better: bool = False,
    unit: str = "fraction",
    higher_is_better: bool = True,
    chance: float | None = None,
    best: float | None = None,
    family: str = "points",
    upstream: str = "x",
    task: str = "y",
    metric: str = "y",
) -> Fit:
    """Fit a downstream metric against an upstream one, exactly as a leaderboard would.

    Args:
        x: (n,) upstream values, one per checkpoint.
        y: (n,) downstream values.
        x_stderr: (n,) their standard errors, or one for all.
        y_stderr: (n,) likewise for y.
        run: (n,) the training run of each checkpoint; without it each is a run of its own.
        name: (n,) names for the messages; without it "point 1" and so on.
        upstream_unit: unit of x; decides the step that the slope is stated for, and the least window.
        upstream_higher_is_better: False for a loss.
        unit: unit of y.
        higher_is_better: whether more y is better.
        chance: what y is that has learned nothing; points there are left out, and links are tried above it.
        best: what a perfect y is.
        family: what to call the set.
        upstream: what to call x.
        task: what to call y's task.
        metric: what to call y's metric.

    Raises:
        HarnessError: columns of different lengths, or something that is no number.

    >>> fit = fit_points([2.0, 2.1, 2.2, 2.4, 2.5, 2.7, 2.8, 3.0], [0.80, 0.79, 0.78, 0.76, 0.75, 0.73, 0.72, 0.70])
    >>> round(fit.transfer_slope, 6), fit.verdict, fit.status
    (0.01, 'positive', 'ok')
    """
    xs, ys = as_floats("x", x), as_floats("y", y)
    if xs.ndim != 1:
        raise HarnessError(f"x has shape {xs.shape}; expected one value per checkpoint, (n,)")
    n = xs.size
    columns = {
        "y": ys,
        "x_stderr": [None] * n if x_stderr is None else spread("x_stderr", x_stderr, n),
        "y_stderr": [None] * n if y_stderr is None else spread("y_stderr", y_stderr, n),
        "run": list(range(n)) if run is None else list(run),
        "name": [f"point {i + 1}" for i in range(n)] if name is None else list(name),
    }
    for label, column in columns.items():
        if len(column) != n:
            raise HarnessError(f"{label} has {len(column)} values and x has {n}; give one for each point")
    points = tuple(
        Point(str(label), str(label), str(of), None, float(a), float(b), error_a, error_b)
        for a, b, error_a, error_b, of, label in zip(xs, *columns.values(), strict=True)
    )
    upstream_axis = Axis(upstream, upstream, upstream_unit, upstream_higher_is_better)
    return fit_cell(Cell(family, upstream_axis, Axis(task, metric, unit, higher_is_better, chance, best), points))


def spread(label: str, values: npt.ArrayLike, n: int) -> list[float]:
    """One standard error per point; a single number stands for all."""
    array = as_floats(label, values)
    return [float(array)] * n if array.ndim == 0 else [float(value) for value in array.reshape(-1)]
