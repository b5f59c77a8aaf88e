"""Figures for papers and for GitHub: upstream loss on x, the metric on y, drawn by matplotlib without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from harness.board.notation import axis_label, scale_of, slope_unit, with_interval
from harness.board.panels import GREY, Panel, Style, band, drawable, inside, runs
from harness.board.text import plain
from harness.slopes.cell import Fit

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

SETTINGS = {
    "font.family": ["DejaVu Sans"], "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#555555", "axes.grid": True, "grid.color": "#e3e3e3", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "svg.hashsalt": "harness", "svg.fonttype": "path", "figure.facecolor": "white",
}  # fmt: skip


def draw(panel: Panel, styles: dict[str, Style]) -> dict[str, bytes]:
    """One panel as ``{"svg": ..., "png": ...}``; the same panel gives the same bytes.

    Args:
        panel: the fits that share both axes.
        styles: colour and shape of each family.
    """
    return drawn(lambda: compose(panel, styles))


def drawn(composed: Callable[[], Figure]) -> dict[str, bytes]:
    """A figure as files, composed under the settings of all figures and no others."""
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name may be in any script
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = composed()
        figure.draw_without_rendering()  # lays out once for both files
        figure.set_layout_engine("none")
        return {"svg": render(figure, "svg", {"Date": None}), "png": render(figure, "png", {"Software": None})}


def render(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    """The figure as a file's bytes, without the time it was made."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()


def compose(panel: Panel, styles: dict[str, Style]) -> Figure:
    """All families on one pair of axes, and a legend that says what was found."""
    figure = Figure(figsize=(6.4, 4.3 + 0.19 * len(panel.fits)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for fit in panel.fits:
        draw_fit(axes, fit, styles[fit.cell.family], panel.scales)
    axes.set_xlabel(plain(axis_label(panel.upstream)), parse_math=False)
    axes.set_ylabel(plain(axis_label(panel.downstream)), parse_math=False)
    entries = legend_entries(panel, styles)
    legend = figure.legend(
        [handle for handle, _ in entries], [text for _, text in entries], loc="outside lower left", frameon=False,
        fontsize=8, handlelength=1.6, labelspacing=0.35,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def draw_fit(axes: Axes, fit: Fit, style: Style, scales: tuple[float, float]) -> None:
    """One family: error bars, runs, points and, unless it was refused, the line with its fan."""
    x_scale, y_scale = scales
    colour = GREY if fit.status == "refused" else style.colour
    for run in runs(fit):
        axes.plot([p.x * x_scale for p in run], [p.y * y_scale for p in run], color=colour, lw=0.8, alpha=0.3)
    for filled in (True, False):
        points = [p for p in drawable(fit) if (inside(fit, p) and not p.partial) is filled]
        axes.errorbar(
            [p.x * x_scale for p in points], [p.y * y_scale for p in points],
            xerr=[(p.x_stderr or 0) * x_scale for p in points], yerr=[(p.y_stderr or 0) * y_scale for p in points],
            fmt=style.marker, ms=5, color=colour, ecolor=colour, elinewidth=0.7, zorder=3,
            mfc=colour if filled else "white", mec=colour, mew=0.4 if filled else 1.0,
        )  # fmt: skip
    drawn = band(fit)
    if drawn and fit.status != "refused":
        xs = [x * x_scale for x in drawn.x]
        low, high = [[y * y_scale for y in edge] for edge in (drawn.low, drawn.high)]
        axes.fill_between(xs, low, high, color=colour, alpha=0.13, lw=0)
        axes.plot(xs, [y * y_scale for y in drawn.line], color=colour, lw=1.6, zorder=2)


def legend_entries(panel: Panel, styles: dict[str, Style]) -> list[tuple[Artist, str]]:
    """Each family with its slope or its refusal code, then what the shading and the open points are."""
    entries: list[tuple[Artist, str]] = []
    for fit in panel.fits:
        style = styles[fit.cell.family]
        refused = fit.status == "refused"
        colour = GREY if refused else style.colour
        line = "none" if refused else "-"
        handle = Line2D([], [], color=colour, marker=style.marker, ms=5, lw=1.6, linestyle=line)
        entries.append((handle, legend_text(fit)))
    if any(fit.status != "refused" for fit in panel.fits):
        entries.append((Patch(color=GREY, alpha=0.25, lw=0), "95 % interval: of a line's slope, of a curve's mean"))
    if any(not inside(fit, p) or p.partial for fit in panel.fits for p in drawable(fit)):
        open_point = Line2D([], [], color=GREY, marker="o", ms=5, mfc="white", linestyle="none")
        entries.append((open_point, "left out of the fit, or partial data"))
    return entries


def legend_text(fit: Fit) -> str:
    """'pruned: +1.24 [0.80, 1.68] points per 0.1 nat', or 'pruned: refused (TOO-FEW-LEVELS)'."""
    family = plain(fit.cell.family, 60)
    if fit.transfer_slope is None or fit.interval is None:
        return f"{family}: refused ({', '.join(flag.code for flag in fit.refusals)})"
    scale = scale_of(fit.cell.downstream.unit)
    slope = with_interval(fit.transfer_slope, fit.interval.low, fit.interval.high, scale, sign=True)
    return f"{family}: {slope} {slope_unit(fit)}, {fit.interval.method}"
