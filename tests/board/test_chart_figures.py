"""Charts as matplotlib figures."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.chart_figures import compose_chart, draw_chart
from harness.board.chart_traces import traces
from harness.board.charts import NO_FAMILY, Axes, Bars, Chart, Curve, Curves, HeatMap, Stack, log_ticks, narrow_ends

CURVES = Curves(
    Axes("step", "trace", (10.0, 100.0), (1.0, 2.0, 5.0)),
    (Curve((10.0, 100.0), (1.0, 5.0), NO_FAMILY, (0.1, 9.0), label="_a $\\frac{"),
     Curve((10.0, 100.0), (2.0, 2.0), NO_FAMILY, faint=True, points=False)),
)  # fmt: skip
BARS = Bars(Axes("step", "share (%)"), ("10", "100"), (
    Stack("mlp", "#0072B2", (60.0, -5.0), (1.0, None)), Stack("head", "#D55E00", (40.0, 105.0), (1.0, None)),
))  # fmt: skip
HEAT = HeatMap("share (%)", ("layer 0", "layer 1"), ("mlp", "head"), ((75.0, None), (0.0, -1.5)))


@pytest.mark.slow
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


def test_rings_stand_around_their_points_and_ticks_at_whole_steps() -> None:
    curve = Curve((0.0, 1.0, 4.0), (1.0, 2.0, 3.0), NO_FAMILY, opacity=0.5, ringed=(1, 2))
    axes = compose_chart(Chart("n", "task", "what", Curves(Axes("x", "y", x_step=2), (curve,)))).axes[0]
    line, rings = axes.get_lines()
    assert rings.get_xydata().tolist() == [[1.0, 2.0], [4.0, 3.0]] and rings.get_markerfacecolor() == "none"
    assert (line.get_alpha(), rings.get_alpha(), rings.get_linestyle()) == (0.45, 0.45, "None")
    assert [tick for tick in axes.get_xticks() if 0 <= tick <= 4] == [0, 2, 4]


@pytest.mark.parametrize(("values", "errors"), [((1446.4,), (86.0,)), ((3.0, 3.01), (0.0, 0.0)), ((2e-5,), (5e-5,))])
def test_one_point_has_few_ticks_that_can_be_read(values: tuple[float, ...], errors: tuple[float, ...]) -> None:
    """Both axes: a logarithmic one, and a linear one of losses that differ behind the sixth digit."""
    losses = tuple(4.8391 + 1e-7 * n for n in range(len(values)))
    x_ends, y_ends = narrow_ends(losses, near=0.01), narrow_ends(values, errors)
    axes = Axes("loss", "trace", (), log_ticks(values, y_ends), x_ends, y_ends)
    chart = Chart("n", "task", "what", Curves(axes, (Curve(losses, values, NO_FAMILY, errors),)))
    figure = compose_chart(chart)
    figure.draw_without_rendering()
    drawn, written = figure.axes[0], traces(chart)["layout"]
    labels = [f"{tick:g}" for tick in axes.y_ticks]
    assert drawn.get_ylim() == pytest.approx(y_ends) and 2 <= len(labels) <= 6 and len(set(labels)) == len(labels)
    assert all(y_ends[0] <= tick <= y_ends[1] for tick in axes.y_ticks)
    assert [label.get_text() for label in drawn.get_yticklabels()] == labels == written["yaxis"]["ticktext"]
    assert written["yaxis"]["range"] == pytest.approx(np.log10(y_ends), abs=1e-5)
    shown = [tick for tick in drawn.get_xticks() if drawn.get_xlim()[0] <= tick <= drawn.get_xlim()[1]]
    assert (
        drawn.get_xlim() == pytest.approx(x_ends)
        and 2 <= len(shown) <= 5
        and not drawn.xaxis.get_offset_text().get_text()
    )
    assert written["xaxis"] == {"range": list(x_ends), "nticks": 5}


def test_shares_below_zero_hang_down() -> None:
    axes = compose_chart(Chart("name", "task", "what", BARS)).axes[0]
    mlp, head = axes.containers
    assert [(bar.get_y(), bar.get_height()) for bar in mlp] == [(0, 60), (0, -5)]
    assert [(bar.get_y(), bar.get_height()) for bar in head] == [(60, 40), (0, 105)]


def test_cells_are_numbered_and_empty_ones_blank() -> None:
    axes = compose_chart(Chart("name", "task", "what", HEAT)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["75.0", "0.0", "−1.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer 0", "layer 1"]
