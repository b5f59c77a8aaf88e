"""Outcomes of single examples: row index, cluster, outcome and weight, never text or model output.

Each measurement writes one Parquet shard; when a run ends well the shards are joined into one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.store import EXAMPLES

JOINED = "joined-"


def write_shard(folder: Path, key: str, columns: Sequence[Mapping[str, Any]]) -> None:
    """Write the outcomes of one measurement: for each metric, arrays ``row``, ``cluster``, ``outcome``, ``weight``."""
    import pyarrow

    tables = [
        pyarrow.table(
            {
                "key": pyarrow.array([key] * len(part["row"]), pyarrow.string()),
                "metric": pyarrow.array([part["metric"]] * len(part["row"]), pyarrow.string()),
                "row": pyarrow.array(part["row"], pyarrow.int64()),
                "cluster": pyarrow.array(part["cluster"], pyarrow.int64()),
                "outcome": pyarrow.array(part["outcome"], pyarrow.float64()),
                "weight": pyarrow.array(part["weight"], pyarrow.float64()),
            }
        )
        for part in columns
    ]
    if tables:
        _write(pyarrow.concat_tables(tables), folder / EXAMPLES / f"{key[:24]}.parquet")


def join_shards(folder: Path) -> None:
    """Join all shards into one, named by its content; running it again changes nothing."""
    import pyarrow
    from pyarrow import parquet

    shards = sorted((folder / EXAMPLES).glob("*.parquet"))
    if len(shards) < 2:
        return
    target = write_outcomes(folder, pyarrow.concat_tables([parquet.read_table(path) for path in shards]))
    for path in shards:
        if path != target:
            path.unlink()


def write_outcomes(folder: Path, table: Any) -> Path:
    """Write outcomes of many measurements as one shard, named by its content; returns where."""
    ordered = table.sort_by([("key", "ascending"), ("metric", "ascending"), ("row", "ascending")])
    name = hashlib.sha256("".join(sorted(set(table["key"].to_pylist()))).encode()).hexdigest()[:16]
    target = folder / EXAMPLES / f"{JOINED}{name}.parquet"
    _write(ordered, target)
    return target


def forget_outcomes(folder: Path, keys: Collection[str]) -> None:
    """Take the outcomes of some measurements out of all shards."""
    import pyarrow
    import pyarrow.compute as pc
    from pyarrow import parquet

    gone = pyarrow.array(list(keys), pyarrow.string())
    for path in sorted((folder / EXAMPLES).glob("*.parquet")):
        table = parquet.read_table(path)
        kept = table.filter(pc.invert(pc.is_in(table["key"], gone)))
        if len(kept) == len(table):
            continue
        if len(kept) and write_outcomes(folder, kept) == path:
            continue
        path.unlink()


def read_outcomes(folder: Path) -> Any:
    """All outcomes of a leaderboard folder as a pyarrow table; a (key, metric, row) stands once."""
    import pyarrow
    from pyarrow import parquet

    shards = sorted((folder / EXAMPLES).glob("*.parquet"))
    tables: list[Any] = []
    seen: set[str] = set()
    for path in shards:
        table = parquet.read_table(path)
        keys = set(table["key"].unique().to_pylist())
        fresh = keys - seen
        tables.append(
            table
            if fresh == keys
            else table.filter(pyarrow.compute.is_in(table["key"], pyarrow.array(list(fresh), pyarrow.string())))
        )
        seen |= keys
    return pyarrow.concat_tables(tables) if tables else None


def _write(table: Any, path: Path) -> None:
    from pyarrow import parquet

    beside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, beside, compression="zstd")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise HarnessError(
            f"{path}: {error.strerror}; nothing that was measured before is lost, run again to go on"
        ) from None


def copy_outcomes(source: Path, target: Path, keys: Collection[str]) -> None:
    """Write the outcomes of these keys that one folder holds into another, as one shard."""
    import pyarrow
    from pyarrow import compute

    table = read_outcomes(source) if keys else None
    if table is None:
        return
    table = table.filter(compute.is_in(table["key"], pyarrow.array(sorted(keys), pyarrow.string())))
    if table.num_rows:
        name = hashlib.sha256("".join(sorted(keys)).encode()).hexdigest()[:16]
        _write(table, target / EXAMPLES / f"copied-{name}.parquet")
