"""Everything that a straight line through a cell's points says, whichever curve is shown in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.slopes import refusals
from harness.slopes.cell import Cell, Line
from harness.slopes.headline import lines_of
from harness.slopes.ordinary_least_squares import Array, LeastSquares, ordinary_least_squares
from harness.slopes.reliability import ENOUGH, reliability
from harness.slopes.runs import (
    LEAST_RUNS,
    Design,
    MeanSlope,
    Sample,
    design,
    leave_one_run_out_q2,
    mean_of_run_slopes,
)
from harness.slopes.theil_sen import TheilSen, theil_sen
from harness.slopes.york import York, york


@dataclass(frozen=True, slots=True)
class Straight:
    """Everything that a straight line through the points says."""

    sample: Sample
    plan: Design
    least_squares: LeastSquares
    robust: TheilSen
    by_run: MeanSlope | None
    errors: York | None
    lines: tuple[Line, ...]
    q2: float | None
    q2_method: str


def straight_of(cell: Cell) -> Straight:
    """The straight lines through a cell's points."""
    sample = sample_of(cell)
    plan = design(sample, refusals.apart(cell))
    errors = noisy_x(cell, sample) if plan == "one checkpoint per run" else None
    if plan == "one mean per run":
        sample = sample.run_means()
    least_squares = ordinary_least_squares(sample.x, sample.y)
    robust = theil_sen(sample.x, sample.y)
    by_run = mean_of_run_slopes(sample) if plan == "per-run slopes" else None
    q2, q2_method = skill(sample, least_squares)
    lines = lines_of(least_squares, robust, by_run, errors)
    return Straight(sample, plan, least_squares, robust, by_run, errors, lines, q2, q2_method)


def sample_of(cell: Cell) -> Sample:
    """A cell's points as columns."""
    points = cell.points
    return Sample(
        np.array([point.x for point in points], dtype=np.float64),
        np.array([point.y for point in points], dtype=np.float64),
        tuple(point.run for point in points),
        tuple(point.name for point in points),
    )


def x_errors(cell: Cell) -> Array:
    """Standard errors of x, NaN where unknown."""
    return np.array([np.nan if point.x_stderr is None else point.x_stderr for point in cell.points])


def noisy_x(cell: Cell, sample: Sample) -> York | None:
    """York's line where the reliability of x is below .98 and every error is known; else None."""
    x_stderr = x_errors(cell)
    y_stderr = np.array([np.nan if point.y_stderr is None else point.y_stderr for point in cell.points])
    known = reliability(sample.x, x_stderr)
    if known is None or known >= ENOUGH or not (np.all(x_stderr > 0) and np.isfinite(y_stderr).all()):
        return None
    return york(sample.x, sample.y, x_stderr, y_stderr, scatter=True)


def skill(sample: Sample, least_squares: LeastSquares) -> tuple[float | None, str]:
    """Q2 of the line and what was left out for it: a run, or where there are fewer than three a checkpoint."""
    runs = len(set(sample.run))
    if runs < LEAST_RUNS:
        return finite(least_squares.q2), "leave-one-checkpoint-out"
    return finite(least_squares.q2) if runs == len(sample.run) else leave_one_run_out_q2(sample), "leave-one-run-out"


def finite(value: Array | float) -> float | None:
    """A plain float, or None for a share of nothing (the total sum of squares is zero)."""
    return float(value) if np.isfinite(value) else None
