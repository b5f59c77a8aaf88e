"""Charts as matplotlib figures."""

from __future__ import annotations

import pytest

from harness.board.chart_figures import compose_chart, draw_chart
from harness.board.charts import NO_FAMILY, Axes, Bars, Chart, Curve, Curves, HeatMap, Stack

CURVES = Curves(
    Axes("step", "trace", (10.0, 100.0), (1.0, 2.0, 5.0)),
    (Curve((10.0, 100.0), (1.0, 5.0), NO_FAMILY, (0.1, 9.0), label="_a $\\frac{"),
     Curve((10.0, 100.0), (2.0, 2.0), NO_FAMILY, faint=True, points=False)),
)  # fmt: skip
BARS = Bars(Axes("step", "share (%)"), ("10", "100"), (
    Stack("mlp", "#0072B2", (60.0, -5.0), (1.0, None)), Stack("head", "#D55E00", (40.0, 105.0), (1.0, None)),
))  # fmt: skip
HEAT = HeatMap("share (%)", ("layer 0", "layer 1"), ("mlp", "head"), ((75.0, None), (0.0, -1.5)))


@pytest.mark.parametrize("body", [CURVES, BARS, HEAT])
def test_each_kind_is_drawn_the_same_twice_under_its_title(body: Curves | Bars | HeatMap) -> None:
    chart = Chart("name", "task", "what $\\frac{", body)
    assert compose_chart(chart).axes[0].get_title(loc="left") == "task: what $\\frac{"
    first = draw_chart(chart)
    assert first == draw_chart(chart) and first["png"].startswith(b"\x89PNG") and b"<svg" in first["svg"]


def test_curves_have_the_ticks_given_and_only_labels_that_are_there() -> None:
    figure = compose_chart(Chart("name", "task", "what", CURVES))
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert list(axes.get_xticks()) == [10.0, 100.0] and [t.get_text() for t in axes.get_xticklabels()] == ["10", "100"]
    assert [text.get_text().strip() for text in figure.legends[0].get_texts()] == ["_a $\\frac{"]


def test_shares_below_zero_hang_down() -> None:
    axes = compose_chart(Chart("name", "task", "what", BARS)).axes[0]
    mlp, head = axes.containers
    assert [(bar.get_y(), bar.get_height()) for bar in mlp] == [(0, 60), (0, -5)]
    assert [(bar.get_y(), bar.get_height()) for bar in head] == [(60, 40), (0, 105)]


def test_cells_are_numbered_and_empty_ones_blank() -> None:
    axes = compose_chart(Chart("name", "task", "what", HEAT)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["75.0", "0.0", "−1.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer 0", "layer 1"]
