"""Every checkpoint with every metric: means over seeds, never over signatures or partial data."""

from __future__ import annotations

import pytest
from board_examples import ACCURACY, LOSS, MATTHEWS, record

from harness.board.checkpoint_table import checkpoint_rows, columns, failures, shown
from harness.results.record import CheckpointInfo
from harness.results.roles import Roles

ROLES = Roles(("lm_loss/wiki",), (), ("glue/rte",), {"f": ("a", "b")})
INFO = {name: CheckpointInfo(identity=name, names=(name,), run="r", step=step) for name, step in (("b", 2), ("a", 1))}


def cells(*records):  # type: ignore[no-untyped-def]
    visible = shown(records)
    heads = columns(visible, ROLES)
    return heads, checkpoint_rows(visible, INFO, ROLES, heads)


def test_order_of_columns_and_rows() -> None:
    heads, rows = cells(record("a", MATTHEWS, 0.4), record("a", ACCURACY, 0.6), record("b", LOSS, 2.0))
    assert [(h.task, h.role) for h in heads] == [
        ("lm_loss/wiki", "upstream"), ("glue/rte", "downstream"), ("glue/cola", "other"),
    ]  # fmt: skip
    assert [(row.name, row.families) for row in rows] == [("a", ("f",)), ("b", ("f",))]
    assert rows[0].entries[0] == ()


def test_mean_over_seeds_with_the_error_of_the_mean() -> None:
    _, rows = cells(*(record("a", ACCURACY, value, seed) for seed, value in enumerate((0.6, 0.62, 0.64))))
    (entry,) = rows[0].entries[0]
    assert (entry.text, entry.seeds) == ("62.0 ± 1.5", 3)  # sqrt(1 + 2**2 / 3)
    assert entry.sort == pytest.approx(0.62)


def test_signatures_and_partial_data_stay_apart() -> None:
    _, rows = cells(
        record("a", ACCURACY, 0.6, 0),
        record("a", ACCURACY, 0.9, 1, signature="other"),
        record("a", ACCURACY, 0.1, 2, partial="limit 100"),
    )
    assert [(e.seeds, e.partial) for e in rows[0].entries[0]] == [(1, ""), (1, "limit 100"), (1, "")]


def test_grid_runs_are_not_shown() -> None:
    heads, _ = cells(record("a", ACCURACY, 0.6, stage="grid"))
    assert heads == []


def test_an_error_shows_until_it_is_mended() -> None:
    broken = record("a", ACCURACY, None, 0, error="no disk")
    _, rows = cells(broken)
    assert rows[0].entries[0][0].error == "no disk"
    assert [f.error for f in failures(shown([broken]), INFO)] == ["no disk"]
    mended = shown([broken, record("a", ACCURACY, 0.6, 0)])
    assert failures(mended, INFO) == [] and len(mended) == 1


def test_an_error_under_another_metric_name_adds_no_column() -> None:
    broken = record("b", ACCURACY, None, 0, error="no disk", metric="error")
    heads, rows = cells(record("a", ACCURACY, 0.6, 0), broken)
    assert [h.metric for h in heads] == ["accuracy"]
    assert rows[1].entries[0][0].text == "error"


def test_a_checkpoint_that_is_not_described_still_has_a_row() -> None:
    _, rows = cells(record("stranger", ACCURACY, 0.6))
    assert "stranger" in [row.name for row in rows]
