"""A planted slope counts as recovered when the interval covers it."""

from __future__ import annotations

from dataclasses import replace

from board_examples import ACCURACY, LOSS, fit, points, refused

from harness.board.controls import control_rows
from harness.results.roles import Control
from harness.slopes.cell import Cell

CELL = Cell("f", LOSS, ACCURACY, points("f", [2.0, 2.5, 3.0, 3.5], -0.1))


def control(slope: float) -> Control:
    return Control("glue/rte", "accuracy", slope, "planted")


def test_recovered_and_not_in_native_units() -> None:
    found = control_rows([control(-0.12), control(0.1)], [fit(CELL, -0.1, 0.03)])
    assert [row.recovered for row in found] == [True, False]
    assert found[0].found == "−0.100 [−0.130, −0.070]" and found[0].known == "−0.1200"


def test_refused_and_never_fitted_are_neither() -> None:
    rows = control_rows([control(-0.1), Control("none", "accuracy", 1.0)], [refused(CELL)])
    assert [(row.recovered, row.reason) for row in rows] == [
        (None, "REFUSE-LEVELS"),
        (None, "no fit of this task and metric"),
    ]


def test_a_slope_known_against_one_upstream_is_not_asked_of_another() -> None:
    fits = [fit(CELL, -0.1, 0.03)]
    known = replace(control(-0.1), upstream=CELL.upstream.task)
    assert [row.recovered for row in control_rows([known], fits)] == [True]
    elsewhere = control_rows([replace(known, upstream="another")], fits)
    assert [row.reason for row in elsewhere] == ["no fit of this task and metric"]
