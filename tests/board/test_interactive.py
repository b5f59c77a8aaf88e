"""The traces that the page hands to plotly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from board_examples import NASTY, small

from harness.board.interactive import chart
from harness.board.panels import GREY, panels, styles


def test_points_lines_and_hover() -> None:
    *_, roles, fits = small()
    drawn = chart(panels(fits, roles)[0], styles(["grown", "pruned"]))
    markers = [trace for trace in drawn["traces"] if trace["mode"] == "markers"]
    assert [trace["name"] for trace in markers] == ["grown", "pruned (refused: REFUSE-LEVELS)"]
    assert markers[0]["y"] == pytest.approx([100 * p.y for p in fits[0].cell.points])
    assert markers[1]["marker"]["color"] == GREY
    assert sum("fill" in trace for trace in drawn["traces"]) == 1
    hover = markers[0]["hovertext"][0]
    assert NASTY not in hover and "&lt;img src=x onerror=alert(1)&gt;" in hover
    assert "run grown-run0 · step 0<br>x nats_per_token 2.000 ± 0.010 nats per token" in hover
    assert "y accuracy 90.0 ± 1.2 % (2 seeds)" in hover


def test_points_outside_the_window_and_partial_ones_are_open() -> None:
    *_, roles, fits = small()
    points = (replace(fits[0].cell.points[0], partial=True), *fits[0].cell.points[1:])
    fit = replace(fits[0], window=(0.0, 3.3), cell=replace(fits[0].cell, points=points))
    (drawn,) = [t for t in chart(panels([fit], roles)[0], styles(["grown"]))["traces"] if t["mode"] == "markers"]
    assert [symbol.endswith("-open") for symbol in drawn["marker"]["symbol"]] == [True, False, False, False, True]
    assert "partial data" in drawn["hovertext"][0] and "outside" in drawn["hovertext"][4]
