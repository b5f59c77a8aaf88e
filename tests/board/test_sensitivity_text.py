"""Other choices in words: what holds, what turns, what flips, and silence where there is no choice."""

from __future__ import annotations

from dataclasses import replace

from board_examples import ACCURACY, BOOKS, LOSS, MATTHEWS, fit, points, small

from harness.board.page import assemble, github, html
from harness.board.sensitivity_text import order_sentences, sensitivity_rows, sensitivity_sentences
from harness.results.roles import Roles
from harness.slopes.cell import Axis, Cell
from harness.slopes.sensitivity.board import Sensitivities, upstream_sensitivities

POINTS = points("grown", [2.0, 2.4, 2.8, 3.2, 3.6], -0.15)
ROLES = Roles((LOSS.task, BOOKS.task), (), (ACCURACY.task, MATTHEWS.task), {"grown": tuple(p.name for p in POINTS)})
SKILL = replace(ACCURACY, task="glue/wnli")


def found(*slopes: tuple[Axis, Axis, float]) -> Sensitivities:
    """Fits of native slopes ± 0.05 as told under upstream corpora."""
    fits = [fit(Cell("grown", up, down, POINTS), slope) for up, down, slope in slopes]
    answers, orders = upstream_sensitivities(fits, ROLES)
    return Sensitivities(tuple(answers), tuple(orders))


def test_a_sign_that_holds_alone() -> None:
    told = found((LOSS, ACCURACY, -0.15), (BOOKS, ACCURACY, -0.2))
    assert sensitivity_sentences(told) == [
        "glue/rte accuracy, under 2 upstream corpora: the sign holds; it stands alone, with no rank to flip."
    ]
    (row,) = sensitivity_rows(told)
    assert [option.slope for option in row.options] == ["+1.50 [1.00, 2.00]", "+2.00 [1.50, 2.50]"]
    assert (row.unit, row.sign, row.flips) == ("points per 0.1 nat", "holds", "")


def test_a_sign_that_turns_and_one_that_fades() -> None:
    (turned,) = sensitivity_sentences(found((LOSS, ACCURACY, -0.15), (BOOKS, ACCURACY, 0.2)))
    assert "does not hold: the slope of grown is positive under lm_loss/wiki and negative under lm_loss/books" in turned
    (faded,) = sensitivity_sentences(found((LOSS, ACCURACY, -0.15), (BOOKS, ACCURACY, 0.01)))
    assert "never turns but is undecided under lm_loss/books in grown" in faded


def test_ranks_that_flip() -> None:
    told = found((LOSS, ACCURACY, -0.4), (BOOKS, ACCURACY, -0.2), (LOSS, SKILL, -0.2), (BOOKS, SKILL, -0.4))
    first, second = sensitivity_sentences(told)
    assert "in grown its rank flips, above glue/wnli accuracy under lm_loss/wiki, below under lm_loss/books" in first
    assert "above glue/rte accuracy under lm_loss/books, below under lm_loss/wiki" in second
    (order,) = order_sentences(told)
    assert "Kendall's tau −1.00 over 2 tasks" in order


def test_ranks_that_hold() -> None:
    told = found((LOSS, ACCURACY, -0.4), (BOOKS, ACCURACY, -0.4), (LOSS, SKILL, -0.2), (BOOKS, SKILL, -0.2))
    assert all("the sign holds; its rank holds" in sentence for sentence in sensitivity_sentences(told))


def test_the_section_is_there_with_a_choice_and_not_without() -> None:
    records, checkpoints, contexts, roles, fits = small()
    other = [replace(one, cell=replace(one.cell, upstream=BOOKS)) for one in fits]
    roles = replace(roles, upstream=(LOSS.task, BOOKS.task))
    with_choice = assemble(records, checkpoints, contexts, roles, [*fits, *other])
    without = assemble(records, checkpoints, contexts, roles, fits)
    for written in (github, lambda board: html(board, "x")):
        assert "Does it hold under other choices?" in written(with_choice)
        assert "Does it hold under other choices?" not in written(without)
