"""Import of a published long table: one row per checkpoint, upstream value, task and metric.

Columns: family, checkpoint, upstream, task, value; and where known upstream_name (else upstream is a loss in nats per
token), metric, upstream_stderr, value_stderr (or stderr), n_items (or n), run. A blank cell is unknown. Lines before the
header that begin with # are notes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.results import floors, metric_names
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.results.signature import digest, key_of
from harness.results.table_numbers import (
    Name,
    Number,
    downstream_numbers,
    metric_of_upstream,
    upstream_numbers,
    without_repeats,
)
from harness.results.table_rows import Row, read_rows, rows_of_columns
from harness.results.table_units import units_of

IN_MEMORY = Path("data frame")
"""What stands for the file in messages about a table from memory."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A table as a leaderboard folder would hold it: ``contexts`` are lines of contexts.jsonl, one per signature."""

    records: tuple[Record, ...]
    checkpoints: tuple[CheckpointInfo, ...]
    contexts: tuple[dict[str, Any], ...]
    roles: Roles


def import_table(
    path: str | Path,
    *,
    source: str,
    higher_is_better: Collection[str] = (),
    lower_is_better: Collection[str] = (),
) -> Imported:
    """Read a long table.

    Whether higher is better is read from the words of ``metric`` and ``upstream_name`` (see ``metric_names``), so is
    the unit. A checkpoint's identity is made from the source, its family and its name; every checkpoint is a training
    run of its own unless a column ``run`` says otherwise. Its name in the result is "family/checkpoint".

    Args:
        path: a CSV file in UTF-8.
        source: where the figures were published; part of every signature.
        higher_is_better: metrics and upstream names whose words do not say so, or say it wrong.
        lower_is_better: likewise.

    Raises:
        HarnessError: the file cannot be read, is no long table, or a line of it is wrong; file and line are named.
    """
    return imported(Path(path), read_rows(Path(path)), source, higher_is_better, lower_is_better)


def import_columns(
    columns: Mapping[str, Any],
    *,
    source: str,
    higher_is_better: Collection[str] = (),
    lower_is_better: Collection[str] = (),
) -> Imported:
    """Read a long table from memory: a data frame, or a mapping of column names to sequences; as ``import_table`` does.

    Raises:
        HarnessError: it is no long table, or a row of it is wrong; rows are counted from 1.
    """
    return imported(IN_MEMORY, rows_of_columns(str(IN_MEMORY), columns), source, higher_is_better, lower_is_better)


def imported(
    path: Path, rows: Sequence[Row], source: str, higher_is_better: Collection[str], lower_is_better: Collection[str]
) -> Imported:
    """The rows of a table as a leaderboard folder would hold them."""
    if not source.strip():
        raise HarnessError(f"{path}: an imported table needs its source: a paper, a repository or an address")
    direct = directions(path, rows, higher_is_better, lower_is_better)
    upstream, downstream = upstream_numbers(path, rows), downstream_numbers(path, rows)
    numbers = list(without_repeats(path, [*upstream, *downstream]))
    units = units_of(path, numbers)
    contexts = {task: context_of(source, task) for task in dict.fromkeys(number.task for number in numbers)}
    records = tuple(
        record_of(number, source, contexts[number.task], units[number.task, number.named], direct) for number in numbers
    )
    return Imported(records, checkpoints_of(path, rows, source), tuple(contexts.values()), roles_of(rows, path, source))


def directions(path: Path, rows: Sequence[Row], higher: Collection[str], lower: Collection[str]) -> Mapping[str, bool]:
    """Name of every metric and upstream value to whether higher is better.

    Raises:
        HarnessError: a name that says neither, an option that names nothing in the table, or a name given as both.
    """
    lines: dict[str, int] = {}
    for row in rows:
        lines.setdefault(row.upstream_name, row.line)
        lines.setdefault(row.metric, row.line)
    for name in (*higher, *lower):
        if name not in lines:
            raise HarnessError(f"{path}: no metric or upstream_name is called {name!r}; {nearest(name, lines)}")
    both = set(higher) & set(lower)
    if both:
        raise HarnessError(f"{path}: {sorted(both)[0]!r} is given both as higher and as lower is better; give it once")
    found = {name: metric_names.higher_is_better(name) for name in lines}
    found |= dict.fromkeys(higher, True) | dict.fromkeys(lower, False)
    unknown = [name for name, direction in found.items() if direction is None]
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        raise HarnessError(
            f"{path}:{lines[unknown[0]]}: the table does not say whether higher is better for {listed}; give "
            f"--higher-is-better {unknown[0]} or --lower-is-better {unknown[0]}, and so for each"
        )
    return {name: bool(direction) for name, direction in found.items()}


def context_of(source: str, task: str) -> dict[str, Any]:
    """What is known of how a task was measured: who published it, under which name."""
    parts = {"imported": {"source": source, "task": task}}
    signature = digest(parts)
    return {"context": digest({"signature": signature, "versions": {}}), "signature": signature, "parts": parts,
            "versions": {}, "device": None, "threads": None, "source": source}  # fmt: skip


def record_of(number: Number, source: str, context: Mapping[str, Any], unit: str, direct: Mapping[str, bool]) -> Record:
    """One number as a record."""
    identity = identity_of(source, number.checkpoint)
    floor = floors.floor_of_metric(number.task, number.named)
    items = number.n or (floor.items if floor else None)
    found = (
        floors.binomial(number.value, items, unit)
        if number.stderr is None and floors.is_accuracy(number.named)
        else None
    )
    return Record(
        key=key_of(context["signature"], identity, None),
        metric=number.metric,
        value=number.value,
        unit=unit,
        higher_is_better=direct[number.named],
        task=number.task,
        task_version=1,
        checkpoint=identity,
        signature=context["signature"],
        context=context["context"],
        stderr=number.stderr if found is None else found,
        stderr_method="as published" if number.stderr is not None else None if found is None else "binomial of n items",
        n=number.n,
        details=None if floor is None else {"chance": floor.of(unit, direct[number.named]), "chance_by": floor.source},
    )


def identity_of(source: str, name: Name) -> str:
    """The identity of a published checkpoint, whose weights are not at hand.

    >>> identity_of("a paper", ("pruned", "sparsity=0"))
    'imported:c510a00601b3948c'
    """
    return f"imported:{digest([source, *name])[:16]}"


def checkpoints_of(path: Path, rows: Sequence[Row], source: str) -> tuple[CheckpointInfo, ...]:
    """Every checkpoint of the table.

    Raises:
        HarnessError: a checkpoint that belongs to two runs.
    """
    found: dict[Name, Row] = {}
    for row in rows:
        first = found.setdefault((row.family, row.checkpoint), row)
        if first.run != row.run:
            raise HarnessError(
                f"{path}:{row.line}: {row.checkpoint} is of run {row.run!r} and on line {first.line} of {first.run!r}; "
                "one checkpoint is of one run"
            )
    return tuple(
        CheckpointInfo(
            identity=identity_of(source, name),
            names=("/".join(name),),
            run=identity_of(source, name) if row.run is None else f"imported:{digest([source, row.run])[:16]}",
            made={"imported": source, "family": name[0], "checkpoint": name[1]},
        )
        for name, row in found.items()
    )


def roles_of(rows: Sequence[Row], path: Path, source: str) -> Roles:
    """Upstream names, tasks and families in the order of the table."""
    families: dict[str, dict[str, None]] = {}
    for row in rows:
        families.setdefault(row.family, {})[f"{row.family}/{row.checkpoint}"] = None
    upstream = tuple(dict.fromkeys(row.upstream_name for row in rows))
    return Roles(
        upstream=upstream,
        flatness=(),
        downstream=tuple(dict.fromkeys(row.task for row in rows)),
        families={family: tuple(names) for family, names in families.items()},
        title=path.stem,
        description=source,
        headline={name: metric_of_upstream(name) for name in upstream},
    )
