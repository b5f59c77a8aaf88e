"""Which picture holds which fits, in which colours: one panel per downstream and upstream measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import scale_of
from harness.board.text import slug
from harness.results.roles import Roles
from harness.slopes.cell import Axis, Fit, Interval, Point
from harness.slopes.curves.band import mean_band
from harness.slopes.curves.least_squares import Fitted

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito (2008), told apart by colour-blind readers; its yellow and black vanish on one of the two themes."""
GREY = "#8a8f98"
CURVE_STEPS = 40
MARKERS = (("o", "circle"), ("s", "square"), ("^", "triangle-up"), ("D", "diamond"), ("v", "triangle-down"),
           ("P", "cross"), ("X", "x"))  # fmt: skip
"""The same shape by its name in matplotlib and in plotly; seven shapes on six colours give 42 families."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one family is drawn in every panel."""

    colour: str
    marker: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One scatter: all families on one pair of axes."""

    upstream: Axis
    downstream: Axis
    fits: tuple[Fit, ...]

    @property
    def name(self) -> str:
        """The file name of its figure, without extension."""
        up, down = self.upstream, self.downstream
        return slug(f"{down.task}.{down.metric}--{up.task}.{up.metric}")

    @property
    def scales(self) -> tuple[float, float]:
        """What x and y are multiplied by for showing."""
        return scale_of(self.upstream.unit), scale_of(self.downstream.unit)


def family_order(roles: Roles, fits: Sequence[Fit]) -> list[str]:
    """Families in the order of the suite, then those it does not name."""
    known = list(roles.families)
    return known + sorted({fit.cell.family for fit in fits} - set(known))


def styles(families: Sequence[str]) -> dict[str, Style]:
    """A colour and a shape for each family."""
    pairs = {}
    for index, family in enumerate(families):
        marker, symbol = MARKERS[index % len(MARKERS)]
        pairs[family] = Style(COLOURS[index % len(COLOURS)], marker, symbol)
    return pairs


def panels(fits: Sequence[Fit], roles: Roles) -> list[Panel]:
    """The pictures to draw, downstream tasks in the order of the suite."""
    order = {family: index for index, family in enumerate(family_order(roles, fits))}
    grouped: dict[tuple[Axis, Axis], list[Fit]] = {}
    for fit in fits:
        grouped.setdefault((fit.cell.upstream, fit.cell.downstream), []).append(fit)
    made = [
        Panel(up, down, tuple(sorted(members, key=lambda fit: order[fit.cell.family])))
        for (up, down), members in grouped.items()
    ]
    return sorted(made, key=lambda panel: panel_order(panel, roles))


def panel_order(panel: Panel, roles: Roles) -> tuple[int, int, bool, str, str, str, str]:
    """Downstream, then upstream as the suite lists them; a task's headline metric before its others."""
    up, down = panel.upstream, panel.downstream
    first = roles.headline.get(down.task, down.metric) != down.metric
    place = (position(down.task, roles.downstream), position(up.task, roles.upstream))
    return (*place, first, down.task, down.metric, up.task, up.metric)


def position(item: str, listed: Sequence[str]) -> int:
    """Where ``item`` stands in ``listed``, or after all of them."""
    return listed.index(item) if item in listed else len(listed)


def drawable(fit: Fit) -> list[Point]:
    """The points that have a place on the paper."""
    return [point for point in fit.cell.points if math.isfinite(point.x) and math.isfinite(point.y)]


def inside(fit: Fit, point: Point) -> bool:
    """Whether a point lies in the window that the line was fitted over, and so may have counted."""
    return point.name not in dict(fit.excluded) and (fit.window is None or fit.window[0] <= point.x <= fit.window[1])


def runs(fit: Fit) -> list[list[Point]]:
    """Runs of two or more checkpoints, each in the order of training."""
    grouped: dict[str, list[Point]] = {}
    for point in drawable(fit):
        grouped.setdefault(point.run, []).append(point)
    order = [sorted(run, key=lambda p: (p.step is None, p.step or 0, -p.x)) for run in grouped.values()]
    return [run for run in order if len(run) > 1]


def native_interval(fit: Fit) -> Interval | None:
    """The headline interval turned back into dy/dx in native units."""
    if fit.interval is None:
        return None
    same = fit.cell.upstream.higher_is_better == fit.cell.downstream.higher_is_better
    factor = (1.0 if same else -1.0) / fit.per
    low, high = sorted((fit.interval.low * factor, fit.interval.high * factor))
    return Interval(low, high, fit.interval.method, fit.interval.level)


@dataclass(frozen=True, slots=True)
class Band:
    """A line over its window with the fan of its slope's interval, or a curve with the band of its mean."""

    x: tuple[float, ...]
    line: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def band(fit: Fit) -> Band | None:
    """The headline line, and the lines of the interval's two slopes swung about the mean loss.

    It shows how sure the slope is, not the level: the fan closes at the pivot, which a confidence band of the
    mean would not do. A curve has the band of its mean, from the fits without each run.
    """
    interval = native_interval(fit)
    points = [point for point in drawable(fit) if inside(fit, point)]
    if fit.slope is None or fit.intercept is None or interval is None or not points:
        return None
    if fit.fitted is not None and fit.model != "linear":
        return curve_band(fit.fitted, fit.window or (min(p.x for p in points), max(p.x for p in points)))
    slope, intercept = fit.slope, fit.intercept
    xs = [point.x for point in points]
    start, end = fit.window or (min(xs), max(xs))
    pivot = sum(xs) / len(xs)
    height = intercept + slope * pivot
    grid = (start, pivot, end)
    fans = [[height + edge * (x - pivot) for edge in (interval.low, interval.high)] for x in grid]
    line = tuple(intercept + slope * x for x in grid)
    return Band(grid, line, tuple(min(pair) for pair in fans), tuple(max(pair) for pair in fans))


def curve_band(fitted: Fitted, window: tuple[float, float]) -> Band:
    """A picked curve over the window with its pointwise 95 % band of the mean."""
    xs = [window[0] + (window[1] - window[0]) * step / CURVE_STEPS for step in range(CURVE_STEPS + 1)]
    line, half = mean_band(fitted, xs)
    return Band(tuple(xs), tuple(line), tuple(line - half), tuple(line + half))
