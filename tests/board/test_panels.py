"""Panels hold the right fits, and the fan is the interval's two slopes."""

from __future__ import annotations

import pytest
from board_examples import ACCURACY, LOSS, MATTHEWS, fit, points, refused, small

from harness.board.panels import COLOURS, band, native_interval, panels, runs, styles
from harness.results.roles import Roles
from harness.slopes.cell import Cell

CELL = Cell("f", LOSS, ACCURACY, points("f", [2.0, 2.5, 3.0, 3.5], -0.1))


def test_native_interval_turns_the_sign_back() -> None:
    interval = native_interval(fit(CELL, -0.1, 0.03))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((-0.13, -0.07))
    same = native_interval(fit(Cell("f", LOSS, LOSS, CELL.points), 0.9, 0.03))
    assert same is not None
    assert (same.low, same.high) == pytest.approx((0.87, 0.93))


def test_band_is_the_fan_about_the_mean() -> None:
    found = fit(CELL, -0.1, 0.03)
    drawn = band(found)
    assert drawn is not None and found.intercept is not None
    assert drawn.x == pytest.approx((2.0, 2.75, 3.5))
    assert drawn.low[1] == drawn.high[1] == pytest.approx(found.intercept - 0.1 * 2.75)
    assert (drawn.high[0] - drawn.high[1]) / 0.75 == pytest.approx(0.13)
    assert (drawn.high[2] - drawn.high[1]) / 0.75 == pytest.approx(-0.07)


def test_a_refused_cell_has_no_band_but_its_panel() -> None:
    assert band(refused(CELL)) is None
    *_, roles, fits = small()
    (panel,) = panels(fits, roles)
    assert [f.status for f in panel.fits] == ["ok", "refused"]


def test_panels_follow_the_suite_and_the_headline_metric() -> None:
    cola = Cell("f", LOSS, MATTHEWS, CELL.points)
    roles = Roles(("lm_loss/wiki",), (), ("glue/cola", "glue/rte"), {"f": ()})
    assert [p.downstream.task for p in panels([fit(CELL, -0.1), fit(cola, -0.1)], roles)] == ["glue/cola", "glue/rte"]


def test_forty_two_families_look_different() -> None:
    looks = styles([f"family {i}" for i in range(42)])
    assert len({(s.colour, s.marker) for s in looks.values()}) == 42
    assert len(set(COLOURS)) == len(COLOURS)


def test_runs_follow_the_steps() -> None:
    assert [[p.step for p in run] for run in runs(fit(CELL, -0.1))] == [[0, 200], [100, 300]]
