"""Parquet: the flat table of all records with typed columns, and the text of suite.yaml in the file's metadata."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading, Terms, Written
from harness.results.exchange.flat import COLUMNS, REQUIRED, content_of, rows_of

LOST = "what models wrote, and outcomes of single examples"
SUITE, TITLE = b"transfer-harness.suite", b"transfer-harness.title"


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write one file."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    metadata = {SUITE: content.suite.encode(), TITLE: content.title.encode()}
    schema = pa.schema({name: types[kind] for name, kind in COLUMNS.items()}, metadata=metadata)
    output.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(list(rows_of(content)), schema=schema), output, compression="zstd")
    return Written((output,), len(content.records), LOST)


def recognises(path: Path) -> bool:
    """Whether a file is called a Parquet file."""
    return path.suffix.lower() == ".parquet" and path.is_file()


def read(path: Path, reading: Reading) -> Content:
    """Read a file that an export wrote.

    Raises:
        HarnessError: it is no Parquet file, or lacks columns that every export has.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as error:
        raise HarnessError(f"{path}: no Parquet file: {error}") from None
    lacking = [name for name in REQUIRED if name not in table.column_names]
    if lacking:
        raise HarnessError(f"{path}: no export of a results folder: it lacks the columns {', '.join(lacking)}")
    known = table.schema.metadata or {}
    title = known.get(TITLE, path.stem.encode()).decode()
    rows = ((f"{path}: row {number}", row) for number, row in enumerate(table.to_pylist(), 1))
    found = content_of(rows, title, reading.source or f"imported from {path.name}")
    return Content(title, found.records, found.checkpoints, found.contexts, found.roles, known.get(SUITE, b"").decode())
