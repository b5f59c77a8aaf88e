"""How every line was fitted, written out: what a reader needs to fit it again and get the same.

Most published fits leave some of this out (Li et al. 2025, (Mis)Fitting: a survey of scaling laws, arXiv 2502.18969).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import NONE, number, scale_of, slope_unit, with_error
from harness.board.verdicts import counted, window_text
from harness.slopes.cell import Fit
from harness.slopes.curves import menu_of
from harness.slopes.curves.rate import rate_of


@dataclass(frozen=True, slots=True)
class ChecklistRow:
    """One fit: what went in, what was tried, what was taken."""

    cell: str
    points: str
    excluded: str
    window: str
    curve: str
    tried: str
    monotone: str
    left_out: str
    interval: str
    examples: str
    seeds: str


def checklist_rows(fits: Sequence[Fit]) -> list[ChecklistRow]:
    """A row for every cell that was not refused, in the order of the slope table."""
    fitted = [fit for fit in fits if fit.status != "refused"]
    return [
        row(fit)
        for fit in sorted(fitted, key=lambda f: (f.cell.downstream.task, f.cell.downstream.metric, f.cell.family))
    ]


def row(fit: Fit) -> ChecklistRow:
    """One fit written out."""
    cell = fit.cell
    scale = scale_of(cell.downstream.unit)
    formulas = {curve.name: curve.formula for curve in menu_of(cell.downstream.unit)}
    name = fit.model or ""
    tried = ", ".join(f"{model} {number(error * scale, 3)}" for model, error in fit.tried)
    seeds = [point.seeds for point in cell.points]
    return ChecklistRow(
        cell=f"{cell.family}: {cell.downstream.task} {cell.downstream.metric} on {cell.upstream.title}",
        points=f"{fit.n_points} of {counted(fit.n_runs, 'run', 'runs')}",
        excluded=", ".join(f"{point} ({end})" for point, end in fit.excluded) or "none",
        window=window_text(fit),
        curve=f"{name}: {formulas[name]}{rate_words(fit)}" if name in formulas else name or NONE,
        tried=tried or "the line alone",
        monotone=f"rank correlation {number(fit.spearman, 2)}, R² of the best monotone curve {number(fit.isotonic_r2, 3)}",
        left_out=fit.q2_method or NONE,
        interval=fit.interval.method if fit.interval else NONE,
        examples=NONE if fit.example_stderr is None else f"{number(fit.example_stderr * scale, 2)} {slope_unit(fit)}",
        seeds=str(seeds[0]) if len(set(seeds)) == 1 else f"{min(seeds)} to {max(seeds)}",
    )


def rate_words(fit: Fit) -> str:
    """Of an exponential curve its rate: by how much the logarithm of the metric moves for one unit upstream."""
    rate = rate_of(fit.fitted)
    return "" if rate is None else f", b = {with_error(rate.value, rate.stderr)}"


def checklist_notes(fits: Sequence[Fit]) -> list[str]:
    """What holds for all of them."""
    asked = sum(fit.p_value is not None for fit in fits)
    if not asked:
        return []
    return [
        "Loss: least squares on the metric as it is; where a curve has a link, weighted by the square of the link's slope, so "
        "that errors count as they do on the metric itself.",
        "Search: no starting values and no optimiser. Shapes lie on a fixed grid over the window, coefficients have a closed "
        "form, and every fit without a run is exact.",
        "Choice: the fewest parameters within one standard error of the least left-out error, in the metric's own unit "
        "(the numbers under 'tried').",
        f"Signs: {counted(asked, 'slope was', 'slopes were')} asked; q-values keep false discoveries among those called "
        "positive or negative at 5 % (Benjamini and Hochberg).",
        "Other examples: one standard error by which other test examples, and other text and masks upstream where those are known "
        "too, would move the slope; the interval allows for what all runs share of it.",
        "Left out by rule alone: points within two standard errors of chance or of a perfect score. Random numbers "
        "(sup-F, permutations, ranks) have seed 0.",
    ]
