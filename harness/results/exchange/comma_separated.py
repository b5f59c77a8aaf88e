"""CSV: the flat table of all records, one row each; an empty cell is unknown."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading, Terms, Written
from harness.results.exchange.flat import COLUMNS, REQUIRED, Value, content_of, rows_of

LOST = "what models wrote, outcomes of single examples, and of the suite all but families and roles"
FLAGS = {"true": True, "false": False}


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write one file."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([text_of(row[name]) for name in COLUMNS] for row in rows_of(content))
    return Written((output,), len(content.records), LOST)


def recognises(path: Path) -> bool:
    """Whether a file is a CSV file with the columns of an export."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return set(REQUIRED) <= set(next(csv.reader(file), []))


def read(path: Path, reading: Reading) -> Content:
    """Read a file that an export wrote.

    Raises:
        HarnessError: a column or a cell of it is wrong; file and line are named.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        strange = sorted(set(reader.fieldnames or ()) - set(COLUMNS))
        if strange:
            raise HarnessError(f"{path}:1: the column {strange[0]!r} is not one of an export; remove it")
        return content_of(typed_rows(path, reader), path.stem, reading.source or f"imported from {path.name}")


def typed_rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Rows with their places, cells as what their columns hold."""
    for cells in reader:
        where = f"{path}:{reader.line_num}"
        if None in cells or None in cells.values():
            raise HarnessError(f"{where}: not as many cells as columns; quote a text that has a comma")
        yield where, {name: typed(where, name, text) for name, text in cells.items()}


def text_of(value: Value) -> str:
    """A cell; numbers so that reading gives the very same.

    >>> text_of(0.1), text_of(True), text_of(None), text_of(7)
    ('0.1', 'true', '', '7')
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def typed(where: str, name: str, text: str) -> Any:
    """What a cell says.

    Raises:
        HarnessError: something else than the column holds.
    """
    kind = COLUMNS[name]
    if text == "" or kind is str:
        return text or None
    try:
        return FLAGS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise HarnessError(f"{where}: {name} is {text!r}; expected {wanted}, or nothing where it is unknown") from None
