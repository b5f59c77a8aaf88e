"""Pairs of a text and its translation."""

from __future__ import annotations

import pytest

from harness.data.parallel import Pair, pair_columns, pairs_of
from harness.data.rows import Rows
from harness.errors import HarnessError
from harness.specs import Pairs

PAIRS = Pairs(source="{{ translation.de }}", target="{{ translation.en }}", where={"domain": "news"})


def rows(*found: tuple[str, str, str]) -> Rows:
    """Rows of a domain, a German and an English text."""
    columns = {"domain": [d for d, _, _ in found], "translation": [{"de": de, "en": en} for _, de, en in found]}
    return Rows(columns, "r", "f", len(found))


def test_pairs_come_from_nested_columns_and_the_rows_asked_for() -> None:
    """A template reads inside a column; the others are left out, and numbers of rows stay."""
    assert pair_columns(PAIRS) == ("domain", "translation")
    found = pairs_of(PAIRS, rows(("speech", "Ja", "Yes"), ("news", "Nein", "No"), ("news", "Gut", "Good")))
    assert found == [Pair(1, "Nein", "No"), Pair(2, "Gut", "Good")]
    first = PAIRS.model_copy(update={"first": 1})
    assert pairs_of(first, rows(("news", "Nein", "No"), ("news", "Gut", "Good"))) == [Pair(0, "Nein", "No")]


@pytest.mark.parametrize(("de", "en", "side"), [(" ", "Good", "source"), ("Gut", "", "target")])
def test_an_empty_text_is_refused(de: str, en: str, side: str) -> None:
    """The message names row and side."""
    with pytest.raises(HarnessError, match=f"mine.yaml:3: row 0 has an empty {side}"):
        pairs_of(PAIRS, rows(("news", de, en)), "mine.yaml:3")


def test_no_row_as_asked() -> None:
    """Nothing to translate is a fault of the spec."""
    with pytest.raises(HarnessError, match="no row of 1 is as where: asks"):
        pairs_of(PAIRS, rows(("speech", "Ja", "Yes")))
