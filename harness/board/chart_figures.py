"""Charts drawn by matplotlib, for papers and for GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, MultipleLocator, NullLocator

from harness.board.charts import HIGH, LOW, NARROW_STEPS, Bars, Chart, Curve, Curves, HeatMap
from harness.board.figures import drawn
from harness.board.notation import fixed
from harness.board.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


def draw_chart(chart: Chart) -> dict[str, bytes]:
    """One chart as ``{"svg": ..., "png": ...}``; the same chart gives the same bytes."""
    return drawn(lambda: compose_chart(chart))


def compose_chart(chart: Chart) -> Figure:
    """The figure of a chart."""
    rows = len(chart.body.rows) if isinstance(chart.body, HeatMap) else 0
    figure = Figure(figsize=(6.4, max(4.4, 1.7 + 0.27 * rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title(plain(chart.words, 110), fontsize=9, loc="left", pad=8, parse_math=False)
    if isinstance(chart.body, HeatMap):
        draw_map(axes, chart.body)
    elif isinstance(chart.body, Bars):
        draw_bars(axes, chart.body)
    else:
        draw_curves(axes, chart.body)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        legend = figure.legend(
            handles, labels, loc="outside lower left", frameon=False, fontsize=8, handlelength=2.2, labelspacing=0.35,
            ncols=1 if isinstance(chart.body, Curves) else 3,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def draw_curves(axes: Axes, body: Curves) -> None:
    """Lines with the errors of their points."""
    if body.axes.x_ticks:
        axes.set_xscale("log")
    if body.axes.y_ticks:
        axes.set_yscale("log", nonpositive="clip")
    for curve in body.curves:
        draw_curve(axes, curve)
    ticked(axes.xaxis, body.axes.x_ticks, body.axes.x_ends)
    if body.axes.x_step:
        axes.xaxis.set_major_locator(MultipleLocator(body.axes.x_step))
    ticked(axes.yaxis, body.axes.y_ticks, body.axes.y_ends)
    axes.set_xlabel(plain(body.axes.x), parse_math=False)
    axes.set_ylabel(plain(body.axes.y), parse_math=False)


def ticked(axis: Axis, ticks: Sequence[float], ends: tuple[float, float] | None) -> None:
    """Numbers in full at a logarithmic axis, not powers of ten; few at a narrow one, without an offset."""
    if ticks:
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_locator(NullLocator())
    elif ends:
        axis.set_major_locator(MaxNLocator(NARROW_STEPS))
    if ends:
        axis.set_view_interval(*ends, ignore=True)


def draw_curve(axes: Axes, curve: Curve) -> None:
    """One line."""
    label = plain(curve.label, 60) if curve.label else "_"
    label = f" {label}" if curve.label and label.startswith("_") else label  # matplotlib hides what begins so
    colour = curve.style.colour
    alpha = (0.45 if curve.faint else 0.9) * curve.opacity
    shared: dict[str, Any] = {"color": colour, "lw": 1.0 if curve.faint else 1.3, "alpha": alpha}
    if not curve.points:
        axes.plot(curve.x, curve.y, ls=DASHES[curve.dash], label=label, zorder=1, **shared)
        return
    axes.errorbar(
        curve.x, curve.y, yerr=curve.errors or None, fmt=curve.style.marker, ls=DASHES[curve.dash], ms=5,
        elinewidth=0.8, capsize=0, label=label, zorder=3, **shared,
    )  # fmt: skip
    around = [(curve.x[i], curve.y[i]) for i in curve.ringed]
    if around:
        axes.plot(
            *zip(*around, strict=True), ls="none", marker="o", ms=10, mfc="none", mec=colour, alpha=alpha, zorder=3
        )


def draw_bars(axes: Axes, body: Bars) -> None:
    """Stacked bars, shares below zero downwards."""
    places = range(len(body.labels))
    up, down = [0.0] * len(body.labels), [0.0] * len(body.labels)
    for stack in body.stacks:
        base = [up[i] if share >= 0 else down[i] for i, share in enumerate(stack.shares)]
        axes.bar(places, stack.shares, 0.8, bottom=base, color=stack.colour, label=plain(stack.name, 60), lw=0)
        for i, share in enumerate(stack.shares):
            up[i], down[i] = (up[i] + share, down[i]) if share >= 0 else (up[i], down[i] + share)
    axes.set_xticks(list(places), [plain(label, 24) for label in body.labels], parse_math=False)
    if max((len(label) for label in body.labels), default=0) > 6 and len(body.labels) > 4:
        axes.tick_params(axis="x", rotation=40)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(plain(body.axes.x), parse_math=False)
    axes.set_ylabel(plain(body.axes.y), parse_math=False)


def draw_map(axes: Axes, body: HeatMap) -> None:
    """Cells coloured and numbered, the first row on top."""
    scale = LinearSegmentedColormap.from_list("shares", [LOW, HIGH])
    values = [[float("nan") if share is None else share for share in row] for row in body.shares]
    known = [share for row in body.shares for share in row if share is not None]
    low, high = min(0.0, *known), max(*known, 1e-9)
    axes.imshow(values, cmap=scale, vmin=low, vmax=high, aspect="auto")
    for i, row in enumerate(body.shares):
        for j, share in enumerate(row):
            if share is not None:
                dark = (share - low) / (high - low) > 0.5
                axes.text(
                    j, i, written(share), ha="center", va="center", fontsize=8, color="white" if dark else "#1c2126"
                )
    axes.set_xticks(range(len(body.columns)), [plain(name, 24) for name in body.columns], parse_math=False)
    axes.set_yticks(range(len(body.rows)), [plain(name, 30) for name in body.rows], parse_math=False)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel(plain(body.of), parse_math=False)
    for side in axes.spines.values():
        side.set_visible(False)


def written(share: float) -> str:
    """A share in percent to a tenth.

    >>> written(12.345), written(-0.02), written(-3.21)
    ('12.3', '0.0', '−3.2')
    """
    return fixed(share, 1)
