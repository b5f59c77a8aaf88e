"""Where the numbers come from, and what they cost."""

from __future__ import annotations

from board_examples import ACCURACY, context, record

from harness.board.provenance import provenance_rows, total

CONTEXTS = {"context of glue/rte": context(ACCURACY)}


def test_revision_versions_and_cost() -> None:
    records = [record("a", ACCURACY, 0.6, 0), record("a", ACCURACY, 0.7, 0, metric="f1"), record("a", ACCURACY, 0.6, 1)]
    (row,) = provenance_rows(records, CONTEXTS)
    assert (row.data, row.revision, row.measurements) == ("org/data", "abc123", 2)
    assert (row.seconds, row.tokens) == ("5.0 s", "2,000")  # two metrics of one key share one cost
    assert ("protocol.epochs", "3") in row.parts
    assert total(records, CONTEXTS).versions == (("torch", "2.13.0"),)


def test_an_unknown_context_is_no_error() -> None:
    (row,) = provenance_rows([record("a", ACCURACY, 0.6)], {})
    assert (row.revision, row.parts) == ("–", ())
