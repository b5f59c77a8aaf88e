"""The slope table: order, bars and flags."""

from __future__ import annotations

import math
from dataclasses import replace

from board_examples import ACCURACY, LOSS, fit, points, refused

from harness.board.panels import styles
from harness.board.slope_table import flag_legend, slope_rows
from harness.slopes.cell import Cell, Fit, Flag, Interval

LOOKS = styles(["a", "b", "c", "d"])


def cell(family: str) -> Cell:
    return Cell(family, LOSS, ACCURACY, points(family, [2.0, 2.5, 3.0, 3.5], -0.1))


def test_trajectories_and_refused_cells_come_last() -> None:
    fits = [refused(cell("a")), fit(cell("b"), -0.5, status="trajectory"), fit(cell("c"), -0.1), fit(cell("d"), -0.2)]
    assert [row.family for row in slope_rows(fits, LOOKS)] == ["d", "c", "b", "a"]


def test_a_wild_interval_does_not_squash_the_others() -> None:
    fits = [fit(cell("a"), -0.1), fit(cell("b"), -0.1), fit(cell("c"), -0.1, 50.0)]
    bars = [str(row.bar) for row in slope_rows(fits, LOOKS)]
    assert all("<svg" in bar for bar in bars)
    assert 'x1="62.4" x2="71.2"' in bars[0]


def test_bars_of_infinite_intervals_and_of_zero_slopes() -> None:
    wild = replace(fit(cell("a"), 0.0), interval=Interval(-math.inf, math.inf, "Theil-Sen"))
    (row,) = slope_rows([wild], LOOKS)
    assert row.bar == "" and row.slope == "0.000 [−∞, ∞]"


def test_an_unknown_flag_means_what_was_said() -> None:
    (entry,) = flag_legend(slope_rows([fit(cell("a"), -0.1, flags=(Flag("NEW", "said in place"),))], LOOKS))
    assert entry.meaning == "said in place"


def test_the_flag_legend_says_where_and_what() -> None:
    flag = Flag("LEVERAGE", "a-3 has 0.85")
    fits: list[Fit] = [fit(cell("a"), -0.1, flags=(flag,)), refused(cell("b"))]
    legend = flag_legend(slope_rows(fits, LOOKS))
    assert [entry.code for entry in legend] == ["LEVERAGE", "REFUSE-LEVELS"]
    assert legend[0].places == (("a, glue/rte accuracy on lm_loss/wiki", "a-3 has 0.85"),)
    assert legend[1].meaning.startswith("Fewer than four")
