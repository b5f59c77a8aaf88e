"""One cell in, one answer out: refusals first, then the line, its interval and what must be said about it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from harness.slopes import rules
from harness.slopes.cell import Cell, Fit, Flag, Interval, Line
from harness.slopes.ordinary_least_squares import Array, LeastSquares, ordinary_least_squares, t_quantile
from harness.slopes.runs import (
    LEAST_RUNS,
    Design,
    MeanSlope,
    Sample,
    count_levels,
    design,
    leave_one_run_out_q2,
    mean_of_run_slopes,
)
from harness.slopes.theil_sen import TheilSen, theil_sen

ORDER_STATISTIC_POINTS = 5
"""From five points on the slopes' order statistics reach 95 %; at four, HC3 with t(2) covers and Theil-Sen does not."""
POWER = 0.8
LEAST_SQUARES = "ordinary least squares"


def fit_all(cells: Iterable[Cell]) -> list[Fit]:
    """Fit every cell; best transfer first, refused cells last in the order given."""
    fits = [fit_cell(cell) for cell in cells]
    return sorted(fits, key=lambda fit: math.inf if fit.transfer_slope is None else -fit.transfer_slope)


def fit_cell(cell: Cell) -> Fit:
    """Fit one cell's line, or refuse it by name of rule.

    The headline is the mean of per-run slopes with t(R-1) where three runs or more have slopes of their own; else
    least squares with HC3 and t(n-2), or Theil-Sen where a point has a leverage of one half or more. R2, Q2, leverage
    and Cook's distance are those of the least-squares line through the same points.
    """
    refused = rules.refusals(cell)
    bare = Fit(
        cell=cell,
        status="refused",
        refusals=refused,
        flags=(),
        n_points=len(cell.points),
        n_runs=len({point.run for point in cell.points}),
        n_levels=0 if any(flag.code == "NOT-FINITE" for flag in refused) else rules.levels(cell),
        per=upstream_step(cell.upstream.unit),
    )
    return bare if refused else fit_line(cell, bare)


def fit_line(cell: Cell, bare: Fit) -> Fit:
    """Fit a cell that no rule refuses."""
    sample = sample_of(cell)
    plan = design(sample, rules.apart(cell))
    if plan == "one mean per run":
        sample = sample.run_means()
    least_squares = ordinary_least_squares(sample.x, sample.y)
    robust = theil_sen(sample.x, sample.y)
    by_run = mean_of_run_slopes(sample) if plan == "per-run slopes" else None
    lines = lines_of(least_squares, robust, by_run)
    headline = headline_line(lines, least_squares)
    q2, q2_method = skill(sample, least_squares)
    levels = count_levels(sample.x, rules.apart(cell))
    flags = flags_of(cell, sample, plan, levels, least_squares, lines, q2, q2_method)
    transfer, interval = transfer_of(cell, bare.per, headline)
    return replace(
        bare,
        status=status_of(flags),
        n_levels=levels,
        flags=flags,
        window=(float(min(point.x for point in cell.points)), float(max(point.x for point in cell.points))),
        slope=headline.slope,
        intercept=headline.intercept,
        transfer_slope=transfer,
        interval=interval,
        lines=lines,
        r2=finite(least_squares.r2),
        q2=q2,
        q2_method=q2_method,
        max_leverage=float(least_squares.leverage.max()),
        max_cook=float(least_squares.cook.max()),
        residual_sd=float(least_squares.residual_sd),
        verdict=verdict_of(interval),
        smallest_detectable=detectable(headline, least_squares, robust, by_run, bare.per),
    )


def sample_of(cell: Cell) -> Sample:
    """A cell's points as columns."""
    points = cell.points
    return Sample(
        np.array([point.x for point in points], dtype=np.float64),
        np.array([point.y for point in points], dtype=np.float64),
        tuple(point.run for point in points),
        tuple(point.name for point in points),
    )


def lines_of(least_squares: LeastSquares, robust: TheilSen, by_run: MeanSlope | None) -> tuple[Line, ...]:
    """Every estimate of the slope in native units; per-run slopes first where there are any."""
    slope, intercept = float(least_squares.slope), float(least_squares.intercept)
    lines = []
    if by_run is not None:
        interval = Interval(*by_run.interval(), f"t({by_run.runs - 1}) of {by_run.runs} runs")
        lines.append(
            Line(method="mean of per-run slopes", slope=by_run.slope, intercept=by_run.intercept, interval=interval)
        )
    for hc3, name in ((True, "HC3 t"), (False, "t")):
        low, high = least_squares.interval(robust=hc3)
        interval = Interval(float(low), float(high), f"{name}({least_squares.n - 2})")
        lines.append(Line(method=LEAST_SQUARES, slope=slope, intercept=intercept, interval=interval))
    interval = Interval(float(robust.low), float(robust.high), "order statistics")
    lines.append(
        Line(method="Theil-Sen", slope=float(robust.slope), intercept=float(robust.intercept), interval=interval)
    )
    return tuple(lines)


def headline_line(lines: tuple[Line, ...], least_squares: LeastSquares) -> Line:
    """The line to show: per-run, else HC3, or Theil-Sen at high leverage when there are points enough for it."""
    high = least_squares.leverage.max() >= rules.HIGH_LEVERAGE and least_squares.n >= ORDER_STATISTIC_POINTS
    return lines[-1] if high and lines[0].method == LEAST_SQUARES else lines[0]


def skill(sample: Sample, least_squares: LeastSquares) -> tuple[float | None, str]:
    """Q2 and what was left out for it: a run, or where there are fewer than three a checkpoint."""
    runs = len(set(sample.run))
    if runs < LEAST_RUNS:
        return finite(least_squares.q2), "leave-one-checkpoint-out"
    return finite(least_squares.q2) if runs == len(sample.run) else leave_one_run_out_q2(sample), "leave-one-run-out"


def finite(value: Array | float) -> float | None:
    """A plain float, or None for a share of nothing (the total sum of squares is zero)."""
    return float(value) if np.isfinite(value) else None


def flags_of(
    cell: Cell,
    sample: Sample,
    plan: Design,
    levels: int,
    least_squares: LeastSquares,
    lines: tuple[Line, ...],
    q2: float | None,
    q2_method: str,
) -> tuple[Flag, ...]:
    """What must be said next to the slope."""
    found = (
        rules.trajectory(cell) if plan == "trajectory" else None,
        rules.provisional(levels),
        rules.partial(cell),
        rules.leverage(sample, least_squares),
        rules.fragile(lines),
        rules.no_skill(q2, q2_method),
    )
    return tuple(flag for flag in found if flag is not None)


def status_of(flags: tuple[Flag, ...]) -> str:
    """A trajectory before provisional before ok."""
    codes = {flag.code for flag in flags}
    return "trajectory" if "TRAJECTORY" in codes else "provisional" if "PROVISIONAL" in codes else "ok"


def upstream_step(unit: str) -> float:
    """How much upstream the transfer slope is stated for: 0.1 nat, 0.01 bits per byte, else 1.

    >>> upstream_step("nats per token"), upstream_step("bits per byte"), upstream_step("BLEU")
    (0.1, 0.01, 1.0)
    """
    if unit.startswith("nats"):
        return 0.1
    return 0.01 if unit == "bits per byte" else 1.0


def transfer_of(cell: Cell, per: float, line: Line) -> tuple[float, Interval]:
    """The native slope turned so that positive is good transfer, and scaled to ``per`` of the upstream unit."""
    scale = per * rules.direction(cell.upstream) * rules.direction(cell.downstream)
    low, high = sorted((line.interval.low * scale, line.interval.high * scale))
    return line.slope * scale, Interval(low, high, f"{line.method}, {line.interval.method}", line.interval.level)


def verdict_of(interval: Interval) -> str:
    """The sign that the interval leaves no doubt about."""
    return "positive" if interval.low > 0 else "negative" if interval.high < 0 else "undecided"


def detectable(
    headline: Line, least_squares: LeastSquares, robust: TheilSen, by_run: MeanSlope | None, per: float
) -> float:
    """The |transfer slope| that would exclude zero with 80 % power: (t_.975 + t_.80) standard errors.

    Degrees of freedom are the interval's; Theil-Sen's standard error is taken from its interval's width.
    """
    if by_run is not None:
        stderr, freedom = by_run.stderr, by_run.runs - 1
    elif headline.method == "Theil-Sen":
        stderr, freedom = float(robust.stderr), robust.n - 2
    else:
        stderr, freedom = float(least_squares.stderr_hc3), least_squares.n - 2
    return (t_quantile(0.975, freedom) + t_quantile(POWER, freedom)) * stderr * per
