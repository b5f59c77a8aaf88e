"""What the board says in words is what the fit holds."""

from __future__ import annotations

from dataclasses import replace

from board_examples import ACCURACY, LOSS, fit, points, refused

from harness.board.verdicts import sentence, summary
from harness.slopes.cell import Cell

CELL = Cell("f", LOSS, ACCURACY, points("f", [2.0, 2.5, 3.0, 3.5], -0.1))


def test_positive() -> None:
    assert sentence(fit(CELL, -0.1)) == (
        "Each 0.1 nat less on lm_loss/wiki goes with accuracy better by 1.00 [0.50, 1.50] points (95% interval, HC3)."
    )


def test_negative_turns_the_sign_and_the_bounds() -> None:
    assert "accuracy worse by 1.00 [0.50, 1.50] points" in sentence(fit(CELL, 0.1))


def test_undecided_says_what_could_have_been_seen() -> None:
    text = sentence(fit(CELL, -0.02))
    assert "better by anything from −0.30 to +0.70 points (estimate +0.20; 95% interval, HC3): the sign is open" in text
    assert "smallest effect it could have seen is 0.40 points (80% power)" in text


def test_refused_says_why() -> None:
    assert sentence(refused(CELL)).startswith("REFUSE-LEVELS: 3 distinct losses")


def test_a_trajectory_and_a_provisional_fit_say_so() -> None:
    assert sentence(fit(CELL, -0.1, status="trajectory", n_runs=2)).endswith(
        "Holds for these 2 runs alone (trajectory)."
    )
    assert sentence(fit(CELL, -0.1, status="provisional")).endswith("Provisional: 4 loss levels.")


def test_upstream_where_more_is_better() -> None:
    cell = Cell("f", ACCURACY, ACCURACY, CELL.points)
    text = sentence(replace(fit(cell, 0.5), per=1.0))
    assert text.startswith("Each 100 points more on glue/rte")


def test_summary_counts() -> None:
    text = summary([fit(CELL, -0.1), fit(CELL, 0.1), refused(CELL)])
    assert text == "3 slopes asked for: 1 transferring, 1 getting worse, 1 refused."
