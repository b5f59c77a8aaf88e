"""Charts as plotly traces for the page: plain dictionaries that go into it as JSON, every name escaped."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from harness.board.chart_figures import written
from harness.board.charts import NARROW_STEPS, Bars, Chart, Curve, Curves, HeatMap
from harness.board.interactive import errors
from harness.board.text import plain


def traces(chart: Chart) -> dict[str, Any]:
    """One chart: its traces, the titles of its axes, and what its layout has besides."""
    found: dict[str, Any] = {
        "id": f"chart-{chart.name}",
        "x": escape(plain(chart.body.of)) if isinstance(chart.body, HeatMap) else "",
        "y": "",
    }
    if isinstance(chart.body, HeatMap):
        rows = len(chart.body.rows)
        layout: dict[str, Any] = {
            "xaxis": {"showgrid": False}, "yaxis": {"autorange": "reversed", "showgrid": False}, "showlegend": False,
            "height": max(400, 110 + 26 * rows),
        }  # fmt: skip
        return found | {"traces": [map_trace(chart.body)], "layout": layout}
    titles = {"x": escape(plain(chart.body.axes.x)), "y": escape(plain(chart.body.axes.y))}
    if isinstance(chart.body, Bars):
        layout = {"barmode": "relative", "xaxis": {"type": "category"}}
        return found | titles | {"traces": bar_traces(chart.body), "layout": layout}
    return found | titles | {"traces": [curve_trace(c) for c in chart.body.curves], "layout": scales(chart.body)}


def scales(body: Curves) -> dict[str, Any]:
    """Which axes are logarithmic, and room for a long legend."""
    axes = body.axes
    found = {"xaxis": scale(axes.x_ticks, axes.x_ends), "yaxis": scale(axes.y_ticks, axes.y_ends)}
    if axes.x_step:
        found["xaxis"] |= {"tick0": 0, "dtick": axes.x_step}
    layout: dict[str, Any] = {name: axis for name, axis in found.items() if axis}
    entries = sum(bool(curve.label) for curve in body.curves)
    return layout | ({"height": 400 + 20 * (entries - 3)} if entries > 3 else {})


def scale(ticks: tuple[float, ...], ends: tuple[float, float] | None) -> dict[str, Any]:
    """One axis: the ends of a logarithmic one are logarithms, and few ticks are enough for a narrow one."""
    if not ticks:
        return {"range": list(ends), "nticks": NARROW_STEPS} if ends else {}
    axis = {"type": "log", "tickvals": list(ticks), "ticktext": [f"{tick:g}" for tick in ticks]}
    return axis | ({"range": [round(math.log10(end), 6) for end in ends]} if ends else {})


def curve_trace(curve: Curve) -> dict[str, Any]:
    """One line."""
    colour = curve.style.colour
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "lines+markers" if curve.points else "lines", "x": list(curve.x) or [None],
        "y": list(curve.y) or [None], "line": {"color": colour, "width": 1.6, "dash": curve.dash},
        "opacity": (0.45 if curve.faint else 1.0) * curve.opacity, "showlegend": bool(curve.label),
        "name": escape(plain(curve.label, 60)), "hoverinfo": "text" if curve.hover else "skip",
    }  # fmt: skip
    if curve.group:
        trace["legendgroup"] = escape(plain(curve.group))
    if curve.points:
        trace["marker"] = {"color": colour, "symbol": curve.style.symbol, "size": 7}
        trace["error_y"] = errors(list(curve.errors), colour)
    if curve.ringed:
        symbols = [curve.style.symbol + ("-open-dot" if i in curve.ringed else "") for i in range(len(curve.x))]
        sizes = [12 if i in curve.ringed else 7 for i in range(len(curve.x))]
        trace["marker"] |= {"symbol": symbols, "size": sizes}
    if curve.hover:
        trace["hovertext"] = [told(lines) for lines in curve.hover]
    return trace


def told(lines: tuple[str, ...]) -> str:
    """Lines on pointing, the first in bold."""
    first, *rest = (escape(plain(line, 110)) for line in lines)
    return "<br>".join([f"<b>{first}</b>", *rest])


def bar_traces(body: Bars) -> list[dict[str, Any]]:
    """A trace for each colour of the stack."""
    labels = [escape(plain(label, 24)) for label in body.labels]
    found = []
    for stack in body.stacks:
        name = escape(plain(stack.name, 60))
        texts = [
            f"<b>{label}</b><br>{name} {share:.1f}" + ("" if error is None else f" ± {error:.1f}") + " %"
            for label, share, error in zip(labels, stack.shares, stack.errors, strict=True)
        ]
        found.append({
            "type": "bar", "x": labels, "y": list(stack.shares), "name": name, "hovertext": texts, "hoverinfo": "text",
            "marker": {"color": stack.colour},
        })  # fmt: skip
    return found


def map_trace(body: HeatMap) -> dict[str, Any]:
    """The cells with their numbers; the page's script gives the colours of the theme."""
    rows, columns = ([escape(plain(name, 30)) for name in names] for names in (body.rows, body.columns))
    texts = [["" if share is None else written(share) for share in row] for row in body.shares]
    known = [share for row in body.shares for share in row if share is not None]
    return {
        "type": "heatmap", "x": columns, "y": rows, "z": [list(row) for row in body.shares], "text": texts,
        "texttemplate": "%{text}", "hovertemplate": "<b>%{y}</b><br>%{x} %{text} %<extra></extra>", "xgap": 2, "ygap": 2,
        "zmin": min(0.0, *known), "zmax": max(*known, 1e-9), "colorbar": {"thickness": 10, "outlinewidth": 0},
    }  # fmt: skip
