"""The same scatters for the page, as plotly traces: plain dictionaries that go into the page as JSON.

plotly reads a small subset of HTML in its texts, so every name is escaped before it gets there.
"""

from __future__ import annotations

from html import escape
from typing import Any

from harness.board.notation import axis_label, scale_of, value_unit, with_error
from harness.board.panels import GREY, Panel, Style, band, drawable, inside, runs
from harness.board.text import plain
from harness.slopes.cell import Axis, Fit, Point


def chart(panel: Panel, styles: dict[str, Style]) -> dict[str, Any]:
    """Traces and axis titles of one panel; the page's script adds the colours of the theme."""
    traces = [trace for fit in panel.fits for trace in fit_traces(fit, styles[fit.cell.family], panel)]
    return {
        "id": f"chart-{panel.name}",
        "traces": traces,
        "x": escape(plain(axis_label(panel.upstream))),
        "y": escape(plain(axis_label(panel.downstream))),
    }


def fit_traces(fit: Fit, style: Style, panel: Panel) -> list[dict[str, Any]]:
    """Fan, line, runs and points of one family, switched on and off together."""
    colour = GREY if fit.status == "refused" else style.colour
    shared = {"legendgroup": escape(plain(fit.cell.family)), "type": "scatter"}
    quiet = {**shared, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    traces = [{**quiet, **trace} for trace in line_traces(fit, colour, panel)]
    x_scale, y_scale = panel.scales
    for run in runs(fit):
        path = {"x": [p.x * x_scale for p in run], "y": [p.y * y_scale for p in run]}
        traces.append({**quiet, **path, "opacity": 0.3, "line": {"color": colour, "width": 1}})
    traces.append({**shared, **point_trace(fit, style, colour, panel)})
    return traces


def line_traces(fit: Fit, colour: str, panel: Panel) -> list[dict[str, Any]]:
    """The fitted line over its window with the fan of the slope's interval; nothing for a refused cell."""
    drawn = band(fit)
    if drawn is None or fit.status == "refused":
        return []
    x_scale, y_scale = panel.scales
    xs = [x * x_scale for x in drawn.x]
    outline = [y * y_scale for y in (*drawn.high, *reversed(drawn.low))]
    fan = {"x": xs + xs[::-1], "y": outline, "fill": "toself", "fillcolor": colour, "opacity": 0.14}
    line = {"x": xs, "y": [y * y_scale for y in drawn.line], "line": {"color": colour, "width": 2}}
    return [{**fan, "line": {"width": 0}}, line]


def point_trace(fit: Fit, style: Style, colour: str, panel: Panel) -> dict[str, Any]:
    """The checkpoints of one family with their errors and what is shown on pointing at one."""
    points = drawable(fit)
    x_scale, y_scale = panel.scales
    symbols = [style.symbol + ("" if inside(fit, p) and not p.partial else "-open") for p in points]
    return {
        "mode": "markers",
        "name": escape(series_name(fit)),
        "x": [p.x * x_scale for p in points],
        "y": [p.y * y_scale for p in points],
        "error_x": errors([(p.x_stderr or 0) * x_scale for p in points], colour),
        "error_y": errors([(p.y_stderr or 0) * y_scale for p in points], colour),
        "marker": {"color": colour, "symbol": symbols, "size": 7},
        "hovertext": [hover(p, fit) for p in points],
        "hoverinfo": "text",
    }


def series_name(fit: Fit) -> str:
    """The family, and why it has no line where it has none."""
    codes = ", ".join(flag.code for flag in fit.refusals)
    return plain(fit.cell.family, 60) + (f" (refused: {codes})" if fit.status == "refused" else "")


def errors(sizes: list[float], colour: str) -> dict[str, Any]:
    """Error bars of one standard error."""
    return {"type": "data", "array": sizes, "thickness": 0.9, "width": 0, "color": colour, "visible": any(sizes)}


def hover(point: Point, fit: Fit) -> str:
    """Checkpoint, run, step, and both measures with their standard errors."""
    up, down = fit.cell.upstream, fit.cell.downstream
    seeds = f" ({point.seeds} seeds)" if point.seeds > 1 else ""
    lines = [
        f"<b>{escape(plain(point.name, 90))}</b>",
        escape(plain(f"{fit.cell.family} · run {point.run}", 90))
        + ("" if point.step is None else f" · step {point.step}"),
        f"x {escape(measure(point.x, point.x_stderr, up))}",
        f"y {escape(measure(point.y, point.y_stderr, down))}{seeds}",
    ]
    if point.partial:
        lines.append("partial data")
    if not inside(fit, point):
        lines.append("outside the fitted window")
    return "<br>".join(lines)


def measure(value: float, stderr: float | None, axis: Axis) -> str:
    """'accuracy 66.4 ± 2.8 %'."""
    return plain(f"{axis.metric} {with_error(value, stderr, scale_of(axis.unit))} {value_unit(axis.unit)}")
