"""Everything that a straight line through a cell's points says, whichever curve is shown in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.slopes import refusals
from harness.slopes.cell import Cell, Line
from harness.slopes.headline import lines_of
from harness.slopes.ordinary_least_squares import Array, LeastSquares, ordinary_least_squares
from harness.slopes.reliability import ENOUGH, reliability, reliability_within
from harness.slopes.runs import (
    LEAST_RUNS,
    Design,
    MeanSlope,
    Sample,
    design,
    leave_one_run_out_q2,
    mean_of_run_slopes,
    runs_with_slope,
)
from harness.slopes.theil_sen import TheilSen, theil_sen
from harness.slopes.york import York, york

LEAST_SHARE = 0.3
"""A reliability below it is too poorly known to divide by."""


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
    share: float | None = None
    """What the slopes of runs were divided by, where x is a noisy score."""


def straight_of(cell: Cell) -> Straight:
    """The straight lines through a cell's points."""
    sample = sample_of(cell)
    plan = design(sample, refusals.apart(cell))
    share = within_runs(cell, sample) if plan == "per-run slopes" else None
    if plan == "one mean per run":
        sample = sample.run_means()
    errors = noisy_x(cell, sample) if plan == "one checkpoint per run" or score_with_errors(cell, plan) else None
    least_squares = ordinary_least_squares(sample.x, sample.y)
    robust = theil_sen(sample.x, sample.y)
    by_run = mean_of_run_slopes(sample, share or 1.0) if plan == "per-run slopes" else None
    q2, q2_method = skill(sample, least_squares)
    lines = lines_of(least_squares, robust, by_run, errors)
    return Straight(sample, plan, least_squares, robust, by_run, errors, lines, q2, q2_method, share)


def score_with_errors(cell: Cell, plan: Design) -> bool:
    """Whether checkpoints that are no runs of their own have errors in x too: where that is a score.

    The losses of checkpoints share their text, which moves all of them alike; their errors say little of how far apart they are.
    """
    return cell.upstream.higher_is_better and plan in ("trajectory", "one mean per run")


def within_runs(cell: Cell, sample: Sample) -> float | None:
    """The share of the spread of a score within runs that is real, where it is below .98 and not next to nothing."""
    if not cell.upstream.higher_is_better:
        return None
    share = reliability_within(sample.x, x_errors(cell), runs_with_slope(sample))
    return share if share is not None and LEAST_SHARE <= share < ENOUGH else None


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
    """York's line where the reliability of x, or of its means over runs, is below .98 and every error is known; else None."""
    x_stderr = x_errors(cell)
    y_stderr = np.array([np.nan if point.y_stderr is None else point.y_stderr for point in cell.points])
    if (
        sample.x.size != x_stderr.size
    ):  # the errors of a run's mean are those of its checkpoints: they share their examples
        runs = sample_of(cell).by_run().values()
        x_stderr, y_stderr = (
            np.array([np.sqrt(np.mean(part[at] ** 2)) for at in runs]) for part in (x_stderr, y_stderr)
        )
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
