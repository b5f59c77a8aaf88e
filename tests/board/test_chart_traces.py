"""Charts as plotly traces, escaped."""

from __future__ import annotations

import json

from board_examples import NASTY
from plotly.graph_objects import Scatter
from test_chart_figures import BARS, CURVES, HEAT

from harness.board.chart_traces import traces
from harness.board.charts import NO_FAMILY, Axes, Chart, Curve, Curves
from harness.board.panels import MARKERS, Style


def test_curves() -> None:
    found = traces(Chart("n", "task", "what", CURVES))
    marked, faint = found["traces"]
    assert (found["id"], found["x"], found["y"]) == ("chart-n", "step", "trace")
    assert found["layout"]["xaxis"] == {"type": "log", "tickvals": [10.0, 100.0], "ticktext": ["10", "100"]}
    assert marked["error_y"]["array"] == [0.1, 9.0] and marked["mode"] == "lines+markers" and marked["showlegend"]
    assert faint["mode"] == "lines" and not faint["showlegend"] and faint["hoverinfo"] == "skip"


def test_a_long_legend_has_room() -> None:
    curves = tuple(Curve((1.0,), (1.0,), NO_FAMILY, label=str(n)) for n in range(5))
    assert traces(Chart("n", "task", "what", Curves(Axes("x", "y"), curves)))["layout"] == {"height": 440}


def test_rings_opacity_and_steps_of_an_axis() -> None:
    """Every shape that a family may have has a ringed form that plotly knows."""
    for _, symbol in MARKERS:
        curve = Curve((0.0, 1.0, 2.0), (1.0, 2.0, 3.0), Style("#000000", "o", symbol), opacity=0.5, ringed=(1,))
        found = traces(Chart("n", "task", "what", Curves(Axes("x", "y", x_step=2), (curve,))))
        (trace,) = found["traces"]
        assert trace["marker"]["symbol"] == [symbol, f"{symbol}-open-dot", symbol] and trace["opacity"] == 0.5
        assert Scatter(**trace).marker.size == (7, 12, 7)  # it refuses what it does not know
        assert found["layout"] == {"xaxis": {"tick0": 0, "dtick": 2}}


def test_bars_and_maps() -> None:
    bars = traces(Chart("n", "task", "what", BARS))
    assert bars["layout"]["barmode"] == "relative" and [t["y"] for t in bars["traces"]] == [[60.0, -5.0], [40.0, 105.0]]
    assert bars["traces"][0]["hovertext"] == ["<b>10</b><br>mlp 60.0 ± 1.0 %", "<b>100</b><br>mlp -5.0 %"]
    (heat,) = traces(Chart("n", "task", "what", HEAT))["traces"]
    assert heat["z"] == [[75.0, None], [0.0, -1.5]] and heat["text"] == [["75.0", ""], ["0.0", "−1.5"]]
    assert (heat["zmin"], heat["zmax"]) == (-1.5, 75.0)


def test_names_are_escaped() -> None:
    curve = Curve((1.0,), (1.0,), NO_FAMILY, hover=((NASTY, NASTY),), label=NASTY, group=NASTY)
    found = json.dumps(traces(Chart("n", NASTY, NASTY, Curves(Axes(NASTY, NASTY), (curve,)))))
    assert NASTY not in found and found.count("&lt;img src=x onerror=alert(1)&gt;") == 6
