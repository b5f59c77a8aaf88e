"""The part of records that slopes read, taken from ``results.jsonl`` in columns: for a million of them at a time.

The rules of reading are those of ``Record.from_json`` and of the store, line by line. What is read here in bulk is a
file that plainly keeps all of them; of any other nothing is returned, and the store reads it line by line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.results.record import FIELDS, REQUIRED, SCHEMA, Record

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 26
"""Bytes that are held at a time, beside what is kept of them."""


DETAILS = ("chance", "bayes", "of", "corpus", "weight_norm", "comparable_group", "floor")
"""Details that slopes read."""


class Row(NamedTuple):
    """A record without its cost, its warnings and all details but ``DETAILS``; fields as in ``Record``."""

    key: str
    metric: str
    value: float | None
    stderr: float | None
    unit: str
    higher_is_better: bool
    task: str
    task_version: int
    checkpoint: str
    seed: int | None
    stage: str
    partial: str | None
    error: str | None
    signature: str
    context: str
    details: Mapping[str, Any] | None
    selected: Mapping[str, Any] | None

    @classmethod
    def of(cls, record: Record | Row) -> Row:
        """The row of a record; a row as it is."""
        if isinstance(record, Row):
            return record
        known = {name: getattr(record, name) for name in cls._fields}
        known["details"] = details_read([(record.details or {}).get(name) for name in DETAILS])
        return cls(**known)


def details_read(values: Sequence[Any]) -> Mapping[str, Any] | None:
    """The details that slopes read, those that are there."""
    found = {name: value for name, value in zip(DETAILS, values, strict=True) if value is not None}
    return found or None


def read_rows(path: Path) -> list[Row] | None:
    """The newest row of each (key, metric), in the order first seen; None where a line is not plainly whole and valid."""
    import pyarrow as pa

    if not path.exists():
        return []
    rows: list[Row] = []
    seen: dict[Any, Any] = {}
    try:
        for block in blocks(path):
            table = parsed(block)
            if table is None:
                return None
            rows += rows_of(table, seen)
    except (pa.ArrowException, UnicodeDecodeError, ValueError):
        return None
    if len({row.key for row in rows}) == len(rows):
        return rows
    return list({(row.key, row.metric): row for row in rows}.values())


def blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines; the last as it is."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block + file.readline()


def parsed(block: bytes) -> pa.Table | None:
    """Lines as columns, or None where one is not sure to be a record."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import json

    lines = block.count(b"\n")
    if not block.endswith(b"\n"):
        return None
    table = json.read_json(
        pa.BufferReader(block),
        read_options=json.ReadOptions(block_size=1 << 20),
        parse_options=json.ParseOptions(explicit_schema=schema()),
    )
    told = all(table[name].null_count == 0 for name in (*REQUIRED - {"value"}, "schema", "stage"))
    if table.num_rows != lines or not told or set(table.column_names) - FIELDS:
        return None
    # A line without a value must say so itself, which columns do not show.
    unvalued = table["value"].null_count
    if block.count(b'"value": null') != unvalued or not pc.all(pc.equal(table["schema"], SCHEMA)).as_py():
        return None
    return table


def schema() -> pa.Schema:
    """Types of all fields but the two that are free."""
    import pyarrow as pa

    text = (
        "key",
        "metric",
        "unit",
        "task",
        "checkpoint",
        "signature",
        "context",
        "stage",
        "stderr_method",
        "partial",
        "error",
    )
    whole = ("schema", "task_version", "n", "seed")
    cost = pa.struct({"seconds": pa.float64(), "tokens": pa.int64(), "peak_bytes": pa.int64()})
    types = dict.fromkeys(text, pa.string()) | dict.fromkeys(whole, pa.int64())
    types |= {"value": pa.float64(), "stderr": pa.float64(), "higher_is_better": pa.bool_()}
    return pa.schema({**types, "warnings": pa.list_(pa.string()), "cost": cost})


def rows_of(table: pa.Table, seen: dict[Any, Any]) -> Iterator[Row]:
    """Rows of a block; values that were seen before are the same objects."""
    names = [name for name in Row._fields if name not in ("key", "details", "selected")]
    columns = [
        repeated(table[name], seen) if table[name].type == "string" else table[name].to_pylist() for name in names
    ]
    columns.insert(0, table["key"].to_pylist())
    return map(Row, *columns, details(table, seen), mappings(table, "selected"))


def repeated(column: pa.ChunkedArray, seen: dict[Any, Any]) -> list[str | None]:
    """Strings that stand on many lines, each kept once."""
    import numpy as np

    encoded = column.combine_chunks().dictionary_encode()
    words = [seen.setdefault(word, word) for word in encoded.dictionary.to_pylist()]
    positions = encoded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return np.array([*words, None], dtype=object)[positions].tolist()


def details(table: pa.Table, seen: dict[Any, Any]) -> list[Mapping[str, Any] | None]:
    """The details of each line that slopes read."""
    import pyarrow as pa

    kind = table["details"].type if "details" in table.column_names else None
    if kind is None or not pa.types.is_struct(kind):
        return [None] * table.num_rows
    struct = table["details"].combine_chunks()
    columns = [
        struct.field(name).to_pylist() if kind.get_field_index(name) >= 0 else [None] * table.num_rows
        for name in DETAILS
    ]
    return [seen.setdefault(("details", *values), details_read(values)) for values in zip(*columns, strict=True)]


def mappings(table: pa.Table, name: str) -> list[Mapping[str, Any] | None]:
    """A field of free form, line by line."""
    if name not in table.column_names:
        return [None] * table.num_rows
    return table[name].to_pylist()
