"""The slope table: one row per family, upstream and downstream measure, steepest good transfer first."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.board.notation import NONE, number, scale_of, slope_unit, value_unit, with_interval
from harness.board.panels import Style
from harness.board.verdicts import sentence, verdict_word, window_text
from harness.slopes.cell import Fit, Flag
from harness.slopes.codes import meaning

WIDTH, HEIGHT = 116, 18
"""Size of an interval bar in pixels."""


@dataclass(frozen=True, slots=True)
class SlopeRow:
    """One fit, written out; ``sort_slope`` is None for a refused cell, which sorts last."""

    family: str
    colour: str
    task: str
    metric: str
    upstream: str
    upstream_metric: str
    upstream_unit: str
    status: str
    verdict: str
    verdict_word: str
    sentence: str
    slope: str
    unit: str
    method: str
    lines: str
    sort_slope: float | None
    bar: Markup
    n_points: int
    n_runs: int
    window: str
    r2: str
    q2: str
    q2_method: str
    leverage: str
    marks: tuple[Flag, ...]


def slope_rows(fits: Sequence[Fit], styles: dict[str, Style]) -> list[SlopeRow]:
    """All fits as rows: those that may be ranked, then those that may not, by slope; then refused ones."""
    limits = bar_limits(fits)
    return [row(fit, styles, limits) for fit in sorted(fits, key=rank)]


def rank(fit: Fit) -> tuple[bool, bool, float, str, str, str, str]:
    """Steepest good transfer first; provisional slopes and trajectories are not ranked among the others."""
    slope = -math.inf if fit.transfer_slope is None else fit.transfer_slope
    names = (fit.cell.downstream.task, fit.cell.downstream.metric, fit.cell.family, fit.cell.upstream.title)
    return fit.transfer_slope is None, fit.status != "ok", -slope, *names


def row(fit: Fit, styles: dict[str, Style], limits: dict[str, float]) -> SlopeRow:
    """One fit with its numbers written to the digits its interval allows."""
    down, up = fit.cell.downstream, fit.cell.upstream
    return SlopeRow(
        family=fit.cell.family,
        colour=styles[fit.cell.family].colour,
        task=down.task,
        metric=down.metric,
        upstream=up.title,
        upstream_metric=up.metric,
        upstream_unit=value_unit(up.unit),
        status=fit.status,
        verdict=fit.verdict,
        verdict_word=verdict_word(fit),
        sentence=sentence(fit),
        slope=slope_text(fit),
        unit=slope_unit(fit),
        method=fit.interval.method if fit.interval else "",
        lines=lines_text(fit),
        sort_slope=fit.transfer_slope,
        bar=interval_bar(fit, limits),
        n_points=fit.n_points,
        n_runs=fit.n_runs,
        window=window_text(fit),
        r2=number(fit.r2, 3),
        q2=number(fit.q2, 3),
        q2_method=fit.q2_method or "",
        leverage=number(fit.max_leverage, 2),
        marks=(*fit.refusals, *fit.flags),
    )


def slope_text(fit: Fit) -> str:
    """'+1.24 [0.80, 1.68]', or a dash where the cell was refused."""
    if fit.transfer_slope is None or fit.interval is None:
        return NONE
    scale = scale_of(fit.cell.downstream.unit)
    return with_interval(fit.transfer_slope, fit.interval.low, fit.interval.high, scale, sign=True)


def lines_text(fit: Fit) -> str:
    """Every estimate of the native slope dy/dx, for the tooltip."""
    written = [f"{x.method}: {with_interval(x.slope, x.interval.low, x.interval.high)}" for x in fit.lines]
    return f"dy/dx in native units: {'; '.join(written)}" if written else ""


def bar_limits(fits: Sequence[Fit]) -> dict[str, float]:
    """Half the width of the bars' axis per unit; a wild interval runs off it, so that the others stay readable."""
    reach: dict[str, list[float]] = {}
    for fit in fits:
        if fit.transfer_slope is not None and fit.interval is not None:
            ends = [abs(x) for x in (fit.interval.low, fit.interval.high, fit.transfer_slope) if math.isfinite(x)]
            reach.setdefault(slope_unit(fit), []).append(max(ends, default=0.0))
    return {unit: min(max(all_), 4 * statistics.median(all_)) or max(all_) for unit, all_ in reach.items()}


def interval_bar(fit: Fit, limits: dict[str, float]) -> Markup:
    """The slope and its interval around zero as inline SVG; numbers only, so nothing in it is untrusted."""
    limit = limits.get(slope_unit(fit), 0.0)
    if fit.transfer_slope is None or fit.interval is None or limit <= 0 or not math.isfinite(fit.transfer_slope):
        return Markup("")
    low, middle, high = (place(x, limit) for x in (fit.interval.low, fit.transfer_slope, fit.interval.high))
    centre = HEIGHT / 2
    return Markup(
        '<svg class="bar {}" width="{}" height="{}" viewBox="0 0 {} {}" aria-hidden="true">'
        '<line class="zero" x1="{}" x2="{}" y1="1" y2="{}"/>'
        '<line class="span" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/><circle cx="{:.1f}" cy="{}" r="4"/></svg>'
    ).format(
        fit.verdict if fit.verdict in ("positive", "negative") else "undecided", WIDTH, HEIGHT, WIDTH, HEIGHT,
        WIDTH / 2, WIDTH / 2, HEIGHT - 1, low, high, centre, centre, middle, centre,
    )  # fmt: skip


def place(value: float, limit: float) -> float:
    """Where a slope lies on the bar, in pixels; beyond the limit at its edge."""
    inner = WIDTH / 2 - 5
    return WIDTH / 2 + max(-1.0, min(1.0, value / limit)) * inner


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One flag code: what it means, and every place where it was raised with what was found there."""

    code: str
    meaning: str
    places: tuple[tuple[str, str], ...]


def flag_legend(rows: Sequence[SlopeRow]) -> list[LegendEntry]:
    """The codes in use, in alphabetical order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in rows:
        for flag in entry.marks:
            where = f"{entry.family}, {entry.task} {entry.metric} on {entry.upstream}"
            found.setdefault(flag.code, []).append((where, flag.text))
    return [LegendEntry(code, meaning(code, places[0][1]), tuple(places)) for code, places in sorted(found.items())]
