"""One cell in, one answer out: refusals first, then the curve, its slope and interval, and what must be said about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.slopes import diagnostics, refusals, rules
from harness.slopes.cell import Cell, ExampleErrors, Fit, Flag, Line
from harness.slopes.censoring import scale_of, uncensored
from harness.slopes.chance_exit import ChanceExit, chance_exit
from harness.slopes.curves import menu_of
from harness.slopes.curves.choice import Candidate, Choice, choose
from harness.slopes.curves.least_squares import Positions
from harness.slopes.curves.line import LINE
from harness.slopes.divergence import Divergence, divergence
from harness.slopes.headline import Headline, curved, lines_of, straight, widened
from harness.slopes.monotone import isotonic_r2, spearman
from harness.slopes.ordinary_least_squares import Array, ordinary_least_squares
from harness.slopes.reliability import reliability
from harness.slopes.runs import (
    Sample,
    count_levels,
    level_numbers,
)
from harness.slopes.straight_line import Straight, finite, sample_of, straight_of, x_errors
from harness.slopes.supremum_f import Break, break_of
from harness.slopes.theil_sen import theil_sen
from harness.slopes.transfer import transfer_of, upstream_step, verdict_of
from harness.slopes.widening import example_spread, examples_of, order_of, widest

LEAST_CURVE_POINTS = 5


@dataclass(frozen=True, slots=True)
class Work:
    """What a fit was made of: from it a slope over another window follows without fitting anew."""

    choice: Choice | None
    line: Straight
    residual: Array
    order: Array
    examples: ExampleErrors | None


def fit_all(cells: Iterable[Cell]) -> list[Fit]:
    """Fit every cell and compare them (``board_wide``); best transfer first, refused last in the order given."""
    from harness.slopes.board_wide import ordered
    from harness.slopes.parallel import fit_cells

    return ordered(fit_cells(list(cells)))


def fit_cell(cell: Cell) -> Fit:
    """Fit one cell, or refuse it by name of rule.

    Points at the floor or ceiling are left out. A curve is picked (``curves.choice``). Where that is the line, the
    headline is the mean of per-run slopes with t(R-1) where three runs or more have slopes of their own; else least
    squares with HC3 and t(n-2), Theil-Sen where a point has a leverage of one half or more, York where x is noisy.
    Else it is the curve's average slope over the points' own range of x (``curves.marginal``).
    """
    used, excluded = (cell, ()) if refusals.not_finite(cell) else uncensored(cell)
    refused = refusals.refusals(used, len(excluded))
    bare = Fit(
        cell=cell,
        status="refused",
        refusals=(*refused, *rules.censored(cell, excluded)) if refused else (),
        flags=(),
        n_points=len(used.points),
        n_runs=len({point.run for point in used.points}),
        n_levels=0 if any(flag.code == "NOT-FINITE" for flag in refused) else refusals.levels(used),
        per=upstream_step(cell.upstream.unit),
        excluded=excluded,
        chance_exit=None if refusals.not_finite(cell) else exit_of(cell),
    )
    return bare if refused else fit_points_of(used, bare)


def fit_points_of(cell: Cell, bare: Fit) -> Fit:
    """Fit a cell that no rule refuses, its censored points left out already."""
    x = np.array([point.x for point in cell.points])
    window = (float(x.min()), float(x.max()))
    line = straight_of(cell)
    sample = line.sample
    levels = count_levels(sample.x, refusals.apart(cell))
    broken = None if line.plan == "one mean per run" else break_of(sample.x, sample.y)
    bend = diagnostics.quadratic_p(sample.x, sample.y)
    choice = chosen(cell, line, levels, bent=significant(bend) or (broken is not None and significant(broken.p)))
    picked = choice.picked if choice else None
    residual = sample.y - picked.fitted.predict(sample.x) if picked else line.least_squares.residual
    work = Work(choice, line, residual, order_of(cell), examples_of(cell, line))
    headline = shown(work, window)
    q2 = line.q2 if picked is None or picked.curve is LINE else share(sample.y - picked.fitted.left_out, sample.y)
    tried = tuple((c.curve.name, c.error) for c in choice.tried) if choice else ()
    reliable = reliability(sample.x, x_errors(cell)) if sample.x.size == len(cell.points) else None
    reliable = reliable if line.share is None else line.share
    parted = parting(cell, picked, sample)
    flags = flags_of(
        cell, bare, line, headline.line, levels, q2, residual, bend, broken, reliable, dict(tried), work.order, parted
    )
    found = replace(
        bare,
        status=status_of(flags),
        n_levels=levels,
        flags=flags,
        lines=line.lines + lines_with_censored(bare),
        r2=share(residual, sample.y),
        q2=q2,
        q2_method=line.q2_method,
        max_leverage=float(line.least_squares.leverage.max()),
        max_cook=float(line.least_squares.cook.max()),
        residual_sd=float(
            np.sqrt(residual @ residual / max(sample.y.size - (picked.curve.parameters if picked else 2), 1))
        ),
        model=picked.curve.name if picked else LINE.name,
        fitted=picked.fitted if picked else None,
        work=work,
        tried=tried,
        line_r2=finite(line.least_squares.r2),
        line_q2=line.q2,
        spearman=spearman(sample.x, sample.y),
        isotonic_r2=isotonic_r2(sample.x, sample.y),
        reliability=reliable,
        y_noise=y_noise(cell),
        broken=broken,
    )
    return with_headline(found, headline, window)


def shown(work: Work, window: tuple[float, float]) -> Headline:
    """The slope to show over a window, with all that its interval allows for."""
    picked = work.choice.picked if work.choice else None
    spread = example_spread(work.examples, picked, work.line, window)
    return widest(headline_of(work.choice, work.line, window), spread, work.line, work.residual, work.order)


def with_headline(fit: Fit, headline: Headline, window: tuple[float, float]) -> Fit:
    """A fit with the slope to show, and all that follows from it."""
    transfer, interval = transfer_of(fit.cell, fit.per, headline.line)
    return replace(
        fit,
        window=window,
        slope=headline.line.slope,
        intercept=headline.line.intercept,
        transfer_slope=transfer,
        interval=interval,
        p_value=headline.p,
        stderr=headline.stderr,
        freedom=headline.freedom,
        verdict=verdict_of(interval),
        smallest_detectable=headline.detectable * fit.per,
        example_stderr=None if headline.example_stderr is None else headline.example_stderr * fit.per,
    )


def over_window(fit: Fit, window: tuple[float, float]) -> Fit:
    """The slope of a curve that was fitted already, averaged over another window; nothing is chosen anew."""
    assert fit.work is not None, "a fit that was compared already has let go of what it was made of"
    return with_headline(fit, shown(fit.work, window), window)


def chosen(cell: Cell, line: Straight, levels: int, *, bent: bool) -> Choice | None:
    """The curve picked; None where only a straight line may be fitted: means of runs, noisy x, or too few points."""
    sample = line.sample
    straight_only = line.plan == "one mean per run" or line.errors is not None or line.share is not None
    if straight_only or sample.x.size < LEAST_CURVE_POINTS:
        return None
    scale = scale_of(cell.downstream)
    return choose(
        menu_of(cell.downstream.unit), sample.x, sample.y, left_out_together(cell, line), scale, levels, bent=bent
    )


def left_out_together(cell: Cell, line: Straight) -> Positions:
    """Number of each point's group: its run where runs have slopes of their own, else its upstream value.

    Checkpoints at one upstream value leave together, so that a curve is judged at values it has not seen.
    """
    sample = line.sample
    if line.by_run is not None:
        numbers = {run: number for number, run in enumerate(dict.fromkeys(sample.run))}
        return np.array([numbers[run] for run in sample.run], dtype=np.intp)
    return level_numbers(sample.x, refusals.apart(cell))


def headline_of(choice: Choice | None, line: Straight, window: tuple[float, float]) -> Headline:
    """The slope to show: of the straight line, or of the curve that was picked."""
    plain = straight(line.lines, line.sample, line.least_squares, line.robust, line.by_run, line.errors)
    if choice is None:
        return plain
    found = (
        plain if choice.picked.curve is LINE else curved(choice, line.sample, window, per_run=line.by_run is not None)
    )
    # With a slope of each run the spread between runs is the interval, whatever the curve.
    return found if line.by_run is not None else widened(found, choice, plain, line.sample, window)


def lines_with_censored(bare: Fit) -> tuple[Line, ...]:
    """The straight lines through all points, floor and ceiling included: what a fit without the rule would say."""
    if not bare.excluded or refusals.refusals(bare.cell):
        return ()
    sample = sample_of(bare.cell)
    return lines_of(
        ordinary_least_squares(sample.x, sample.y), theil_sen(sample.x, sample.y), None, None, censored=True
    )


def share(residual: Array, y: Array) -> float | None:
    """1 - SSE/SST, SST about the mean of all points."""
    total = float(np.sum((y - y.mean()) ** 2))
    return 1 - float(residual @ residual) / total if total > 0 else None


def y_noise(cell: Cell) -> float | None:
    """Root mean square of the standard errors of y that are known."""
    known = [point.y_stderr for point in cell.points if point.y_stderr is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known else None


def exit_of(cell: Cell) -> ChanceExit | None:
    """Where the metric leaves chance, where chance is known."""
    if cell.downstream.chance is None or len(cell.points) < 2:
        return None
    x, y = (np.array([getattr(point, axis) for point in cell.points]) for axis in "xy")
    errors = np.array([np.nan if point.y_stderr is None else point.y_stderr for point in cell.points])
    return chance_exit(
        x, y, errors, cell.downstream.chance, up=rules.direction(cell.upstream), down=rules.direction(cell.downstream)
    )


def parting(cell: Cell, picked: Candidate | None, sample: Sample) -> Divergence | None:
    """Whether the metric leaves the picked curve (else the line) as the upstream value gets better."""
    if picked is None:
        columns, g = sample.x[:, None], sample.y
    else:
        columns = picked.curve.basis(sample.x, picked.fitted.theta[None])[0]
        g = picked.curve.forward(sample.y, picked.fitted.scale)
    return divergence(columns, g, sample.x, rules.direction(cell.upstream))


def significant(p: float | None) -> bool:
    """Below five in a hundred."""
    return p is not None and p < rules.SIGNIFICANT


def flags_of(
    cell: Cell, bare: Fit, line: Straight, headline: Line, levels: int, q2: float | None, residual: Array,
    bend: float | None, broken: Break | None, reliable: float | None, errors: Mapping[str, float], order: Array,
    parted: Divergence | None,
) -> tuple[Flag, ...]:  # fmt: skip
    """What must be said next to the slope."""
    sample = line.sample
    serial = diagnostics.serial_p(residual, sample.run, order) if order.size == residual.size else None
    found = (
        rules.trajectory(cell) if line.plan == "trajectory" else None,
        rules.provisional(levels),
        rules.partial(cell),
        *rules.censored(bare.cell, bare.excluded),
        rules.leverage(sample, line.least_squares),
        rules.fragile(line.lines, headline),
        rules.curved(bend, headline) if significant(bend) else None,
        rules.breaks(broken, cell, errors) if broken is not None else None,
        rules.diverges(parted, cell),
        rules.heteroscedastic(diagnostics.breusch_pagan_p(sample.x, residual)),
        rules.serial(serial),
        rules.errors_in_x(reliable),
        rules.no_skill(q2, line.q2_method),
    )
    return tuple(flag for flag in found if flag is not None)


def status_of(flags: tuple[Flag, ...]) -> str:
    """A trajectory before provisional before ok."""
    codes = {flag.code for flag in flags}
    return "trajectory" if "TRAJECTORY" in codes else "provisional" if "PROVISIONAL" in codes else "ok"
