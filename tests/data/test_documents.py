"""Rows to documents, on hand-made text in WikiText's two formats."""

from __future__ import annotations

import pytest

from harness.data.documents import Document, documents, split_documents
from harness.errors import HarnessError

RAW = [
    "",
    " = Robert Boulter = \n",
    "",
    " Robert Boulter is an English film actor . \n",
    " = 1 henry and capacitance C = \n",
    " 1 farad . \n",
    "",
    " = = Career = = \n",
    "",
    " = = = Stage = = = \n",
    "",
    " He appeared @-@ once . \n",
    "",
    " = E = MC ² ( Mariah Carey album ) = \n",
    "",
    " The album . \n",
    "",
]
TOKENISED = [row.replace("Boulter", "<unk>").replace("²", "<unk>") for row in RAW]


@pytest.mark.parametrize("rows", [RAW, TOKENISED])
def test_level_one_headings_start_documents(rows: list[str]) -> None:
    found, dropped = split_documents(rows, "wikitext")
    assert [(document.first_row, document.rows) for document in found] == [(1, 12), (13, 4)]
    assert dropped == 0
    assert found[0].text == "\n".join(row.rstrip("\n") for row in rows[1:12])
    assert found[1].text.startswith(" = E = MC ")


def test_text_before_the_first_heading_is_a_document() -> None:
    rows = [" the end of an article . \n", "", " = Title = \n", "", " Text . \n"]
    expected = [Document(" the end of an article . ", 0, 2), Document(" = Title = \n\n Text . ", 2, 3)]
    assert documents(rows, "wikitext") == expected


def test_headings_without_blank_lines_anywhere() -> None:
    rows = [" = A = \n", " text \n", " = = B = = \n", " more \n", " = C = \n", " text \n"]
    assert [document.first_row for document in documents(rows, "wikitext")] == [0, 4]


def test_unspaced_headings_of_other_tools() -> None:
    rows = ["= A =", "", "x", "", "= = B = =", "", "= C =", "", "y"]
    assert [document.first_row for document in documents(rows, "wikitext")] == [0, 6]


def test_every_row_is_a_document_as_it_is() -> None:
    found, dropped = split_documents(["a\n", "", " \n", " b c "], "row")
    assert found == [Document("a\n", 0, 1), Document(" b c ", 3, 1)]
    assert dropped == 2


def test_blank_lines_separate() -> None:
    found, dropped = split_documents(["", "a", "b\r\n", "", " ", "c", ""], "blank_line")
    assert found == [Document("a\nb", 1, 4), Document("c", 5, 2)]
    assert dropped == 0


def test_a_file_is_one_document() -> None:
    assert documents(["", "a\n", "", "b\n"], "file") == [Document("\na\n\nb", 0, 4)]


@pytest.mark.parametrize("how", ["row", "wikitext", "blank_line", "file"])
def test_nothing_comes_of_nothing(how: str) -> None:
    assert split_documents([], how) == ([], 0)
    found, dropped = split_documents(["", " "], how)
    assert found == []
    assert dropped >= 1


def test_length_is_in_utf8_bytes() -> None:
    assert Document("naïve ²", 0, 1).utf8_bytes == 9


def test_bad_input_is_refused() -> None:
    with pytest.raises(HarnessError, match="found the rule 'wikitex'; did you mean 'wikitext'"):
        documents(["a"], "wikitex")
    with pytest.raises(HarnessError, match="found NoneType in row 1; expected text"):
        documents(["a", None], "row")  # type: ignore[list-item]
