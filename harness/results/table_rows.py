"""The rows of a long table, each checked where it stands."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from harness.errors import HarnessError, nearest

NAMES = ("family", "checkpoint", "task")
REQUIRED = ("family", "checkpoint", "upstream", "task", "value")
OPTIONAL = ("upstream_name", "upstream_stderr", "metric", "value_stderr", "n_items", "run")
SHORT = {"stderr": "value_stderr", "n": "n_items"}
"""Other names of two columns."""
UNNAMED = {"upstream_name": "loss", "metric": "value"}
"""What is meant where a table has no such column: upstream is a loss, and the metric has no name that tells its direction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a long table; what is unknown is None."""

    line: int
    family: str
    checkpoint: str
    upstream_name: str
    upstream: float | None
    upstream_stderr: float | None
    task: str
    metric: str
    value: float | None
    value_stderr: float | None
    n_items: int | None
    run: str | None


def read_rows(path: Path) -> list[Row]:
    """Read and check a long table.

    Raises:
        HarnessError: the file cannot be read, has other columns or no rows, or a cell is wrong; it names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(parse(path, file))
    except OSError as error:
        raise HarnessError(f"{path} cannot be read: {error.strerror}; give the path of a CSV file") from None
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path} is no text in UTF-8 ({error.reason}); save the table as CSV in UTF-8") from None
    if not rows:
        raise HarnessError(f"{path}: a header and no rows; a long table has one row per checkpoint, task and metric")
    return rows


def rows_of_columns(where: str, columns: Mapping[str, Any]) -> list[Row]:
    """The checked rows of a data frame or of a mapping of column names to sequences.

    None and, in what may be left blank, NaN are blank; a value or an upstream value of NaN is an error, as in a file.

    Raises:
        HarnessError: other columns, columns of different lengths, no rows, or a cell that is wrong.
    """
    header = [SHORT.get(str(name).strip(), str(name).strip()) for name in columns.keys()]  # noqa: SIM118 a data frame iterates over names too
    check_header(where, header)
    values = [list(columns[name]) for name in columns.keys()]  # noqa: SIM118
    if len({len(column) for column in values}) > 1:
        told = ", ".join(f"{name} {len(column)}" for name, column in zip(header, values, strict=True))
        raise HarnessError(f"{where}: columns of different lengths ({told}); every row has all of them")
    if not values[0]:
        raise HarnessError(f"{where}: no rows; a long table has one row per checkpoint, task and metric")
    return [
        row_of(
            f"{where}:{line}", line, header, [text_of(name, value) for name, value in zip(header, cells, strict=True)]
        )
        for line, cells in enumerate(zip(*values, strict=True), 1)
    ]


def text_of(column: str, value: Any) -> str:
    """A cell as it would stand in a file."""
    text = "" if value is None else str(value)
    return "" if text in ("nan", "<NA>") and column not in ("value", "upstream") else text


def parse(path: Path, file: TextIO) -> Iterator[Row]:
    """The rows of an open file.

    Raises:
        HarnessError: see ``read_rows``.
    """
    skipped, first = skip_notes(file)
    reader = csv.reader(chain([first], file), strict=True)
    try:
        header = [SHORT.get(column.strip(), column.strip()) for column in next(reader, [])]
        check_header(f"{path}:{skipped + 1}", header)
        for fields in reader:
            if any(field.strip() for field in fields):
                yield row_of(f"{path}:{skipped + reader.line_num}", skipped + reader.line_num, header, fields)
    except csv.Error as error:
        raise HarnessError(f"{path}:{skipped + reader.line_num}: not CSV: {error}; check its quotes") from None


def skip_notes(file: TextIO) -> tuple[int, str]:
    """How many lines of notes (#) or nothing precede the header, and the header's line."""
    skipped = 0
    for line in file:
        if line.strip() and not line.startswith("#"):
            return skipped, line
        skipped += 1
    return skipped, ""


def check_header(where: str, header: Sequence[str]) -> None:
    """Columns are those of the long form.

    Raises:
        HarnessError: one is missing, unknown or named twice.
    """
    if not header:
        raise HarnessError(f"{where}: the table is empty; expected a header with {', '.join(REQUIRED)}")
    missing = [column for column in REQUIRED if column not in header]
    strange = [column for column in header if column not in REQUIRED + OPTIONAL]
    if missing:
        hint = "".join(
            f"; is {column!r} {near[0]!r}?"
            for column in strange
            if (near := difflib.get_close_matches(column.lower(), missing, n=1))
        )
        raise HarnessError(
            f"{where}: not a table in the long form: found the columns {', '.join(header)}; missing are "
            f"{', '.join(missing)}{hint}. A long table has one row per checkpoint, task and metric, with the columns "
            f"{', '.join(REQUIRED)} and where known {', '.join(OPTIONAL)}"
        )
    if strange:
        raise HarnessError(
            f"{where}: column {strange[0]!r} has no meaning here; {nearest(strange[0], OPTIONAL)}; rename or remove it"
        )
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise HarnessError(f"{where}: column {twice[0]!r} stands twice; remove one")


def row_of(where: str, line: int, header: Sequence[str], fields: Sequence[str]) -> Row:
    """One row, checked.

    Raises:
        HarnessError: too many or too few fields, a name that is blank, or a number that is none.
    """
    if len(fields) != len(header):
        raise HarnessError(f"{where}: {len(fields)} fields under {len(header)} columns; quote a text that has a comma")
    cells = {column: field.strip() for column, field in zip(header, fields, strict=True)}
    names = (*NAMES, *(column for column in UNNAMED if column in cells))
    for column in names:
        if not cells[column]:
            raise HarnessError(f"{where}: {column} is blank; every row names its {', '.join(names)}")
    return Row(
        line=line,
        family=cells["family"],
        checkpoint=cells["checkpoint"],
        upstream_name=cells.get("upstream_name", UNNAMED["upstream_name"]),
        upstream=number(where, "upstream", cells),
        upstream_stderr=stderr(where, "upstream_stderr", cells),
        task=cells["task"],
        metric=cells.get("metric", UNNAMED["metric"]),
        value=number(where, "value", cells),
        value_stderr=stderr(where, "value_stderr", cells),
        n_items=items(where, cells),
        run=cells.get("run") or None,
    )


def number(where: str, column: str, cells: Mapping[str, str]) -> float | None:
    """A finite number, or None where the cell is blank or the column is not there.

    Raises:
        HarnessError: something else.
    """
    text = cells.get(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise HarnessError(f"{where}: {column} is {text!r}; expected a number such as 2.31") from None
    if not math.isfinite(value):
        raise HarnessError(f"{where}: {column} is {text!r}; expected a finite number; leave out what was not measured")
    return value


def stderr(where: str, column: str, cells: Mapping[str, str]) -> float | None:
    """A standard error, or None where the cell is blank or the column is not there.

    Raises:
        HarnessError: no number, or a negative one.
    """
    value = number(where, column, cells)
    if value is not None and value < 0:
        raise HarnessError(
            f"{where}: {column} is {value:g}; a standard error is not negative; leave it blank if unknown"
        )
    return value


def items(where: str, cells: Mapping[str, str]) -> int | None:
    """How many items a value is a mean of, or None where that is unknown.

    Raises:
        HarnessError: no whole number above zero.
    """
    value = number(where, "n_items", cells)
    if value is None:
        return None
    if value < 1 or value != int(value):
        raise HarnessError(f"{where}: n_items is {cells['n_items']!r}; expected a whole number above zero, or nothing")
    return int(value)
