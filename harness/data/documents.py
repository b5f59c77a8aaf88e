"""Rows of a text data set become documents: the unit of context, and of clustered standard errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.errors import HarnessError, nearest

HEADING = re.compile(r"^ ?= (?!= )(?=\S).*(?<=\S)(?<! =) = ?$")
"""A level-1 heading of WikiText, `` = Title = ``; sections are `` = = Section = = ``."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it came from: ``rows`` rows of the data set from number ``first_row`` (0 is the first)."""

    text: str
    first_row: int
    rows: int

    @property
    def utf8_bytes(self) -> int:
        """Length of the text in UTF-8 bytes."""
        return len(self.text.encode("utf-8"))


def documents(rows: Sequence[str], how: str) -> list[Document]:
    r"""Put rows together to documents; those that are empty or white space are left out.

    ``row``: every row is a document, unchanged. ``file``: all rows are one. ``blank_line``: blank rows separate
    documents. ``wikitext``: rows are lines, and a level-1 heading between blank lines starts a document (where the
    rows hold no blank line at all, any level-1 heading does). Except under ``row``, the rows of a document are joined
    by line feeds, and line feeds and carriage returns at the end of a row are dropped first.

    Args:
        rows: texts in the order of the data set.
        how: ``row``, ``wikitext``, ``blank_line`` or ``file``.

    Raises:
        HarnessError: an unknown ``how``, or a row that is no text.

    >>> [document.text for document in documents(["a", "b", "", "c"], "blank_line")]
    ['a\nb', 'c']
    """
    return split_documents(rows, how)[0]


def split_documents(rows: Sequence[str], how: str) -> tuple[list[Document], int]:
    """As `documents`, with the number of documents left out because they were empty.

    >>> split_documents(["a", " ", "b"], "row")[1]
    1
    """
    if how not in RULES:
        raise HarnessError(f"documents: found the rule {how!r}; {nearest(how, RULES)}")
    for number, row in enumerate(rows):
        if not isinstance(row, str):
            what = f"{type(row).__name__} in row {number}"
            raise HarnessError(f"documents: found {what}; expected text: name a text column in the spec")
    lines = rows if how == "row" else [row.rstrip("\r\n") for row in rows]
    found = list(_between(lines, RULES[how](lines)))
    kept = [document for document in found if document.text.strip()]
    return kept, len(found) - len(kept)


def _between(lines: Sequence[str], starts: Sequence[int]) -> Iterable[Document]:
    """One document from each start to the next, without the blank lines at its end; first, text before any start."""
    before = any(line.strip() for line in lines[: starts[0]]) if starts else bool(lines)
    bounds = [*([0] if before else []), *starts, len(lines)]
    for first, stop in pairwise(bounds):
        end = stop
        while end > first + 1 and not lines[end - 1].strip():
            end -= 1
        yield Document("\n".join(lines[first:end]), first, stop - first)


def _wikitext_starts(lines: Sequence[str]) -> list[int]:
    blank = [not line.strip() for line in lines]
    anywhere = not any(blank)
    # prose such as " = 1 henry and capacitance C = " looks like a heading; a blank line on both sides tells them apart
    padded = [True, *blank, True]
    return [n for n, line in enumerate(lines) if HEADING.match(line) and (anywhere or (padded[n] and padded[n + 2]))]


def _blank_line_starts(lines: Sequence[str]) -> list[int]:
    blank = [not line.strip() for line in lines]
    return [n for n in range(1, len(lines)) if blank[n - 1] and not blank[n]]


def _row_starts(lines: Sequence[str]) -> list[int]:
    return list(range(len(lines)))


def _file_starts(lines: Sequence[str]) -> list[int]:
    return [0] if lines else []


RULES: dict[str, Callable[[Sequence[str]], list[int]]] = {
    "row": _row_starts,
    "wikitext": _wikitext_starts,
    "blank_line": _blank_line_starts,
    "file": _file_starts,
}
"""How rows form documents: each rule gives the numbers of the rows where a document starts."""
