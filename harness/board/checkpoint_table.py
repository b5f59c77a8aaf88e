"""The checkpoints table: every checkpoint with every metric, and the measurements that failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.board.flatness_metrics import Group, group_of, headline_metrics, letters
from harness.board.notation import scale_of, value_unit, with_error
from harness.board.panels import position
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.join import mean_over_seeds


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of one task; ``role`` is what the suite uses the task for."""

    task: str
    metric: str
    unit: str
    role: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a cell: a mean over seeds under one signature, or an error.

    ``kind`` says of a flatness value what it may be compared with, ``group`` is its letter where the column has several.
    """

    text: str
    seeds: int = 1
    partial: str = ""
    error: str = ""
    signature: str = ""
    title: str = ""
    sort: float | None = None
    kind: Group | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint; ``entries`` has a tuple per column, empty where nothing was measured."""

    name: str
    other_names: tuple[str, ...]
    identity: str
    families: tuple[str, ...]
    run: str
    step: int | None
    parameters: int | None
    entries: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One measurement that could not be made."""

    checkpoint: str
    task: str
    metric: str
    seed: int | None
    error: str


def shown(records: Sequence[Record]) -> list[Record]:
    """What the board shows: the last record of each (key, metric), no runs of a grid, no error that was mended."""
    latest = {(record.key, record.metric): record for record in records if record.stage != "grid"}
    measured = {record.key for record in latest.values() if record.error is None}
    return [record for record in latest.values() if record.error is None or record.key not in measured]


def columns(records: Sequence[Record], roles: Roles) -> list[Column]:
    """A column for each task, metric and unit: upstream, flatness, downstream, then the rest; features have none."""
    found: dict[tuple[str, str, str], None] = {}
    tasks = {record.task for record in records if record.error is None}
    for record in records:
        if record.task not in roles.affinity and (record.error is None or record.task not in tasks):
            found[record.task, record.metric, record.unit] = None
    made = [Column(task, metric, unit, role_of(task, roles)) for task, metric, unit in found]
    return sorted(made, key=lambda column: column_order(column, roles))


def apart(heads: Sequence[Column], roles: Roles, tasks: Collection[str]) -> tuple[list[Column], list[Column]]:
    """Columns to show, and of the flatness tasks named those that are left to the flatness section."""
    by_task: dict[str, list[str]] = {}
    for column in heads:
        if column.task in tasks:
            by_task.setdefault(column.task, []).append(column.metric)
    kept = {task: headline_metrics(metrics, roles.headline.get(task)) for task, metrics in by_task.items()}
    first = [column for column in heads if column.task not in kept or column.metric in kept[column.task]]
    return first, [column for column in heads if column not in first]


def column_order(column: Column, roles: Roles) -> tuple[int, bool, str, str, str]:
    """Tasks as the suite lists them, a task's headline metric before its others."""
    listed = (*roles.upstream, *roles.flatness, *roles.downstream)
    first = roles.headline.get(column.task, column.metric) != column.metric
    return position(column.task, listed), first, column.task, column.metric, column.unit


def role_of(task: str, roles: Roles) -> str:
    """The first role the suite gives a task; 'other' where it gives none."""
    for role, tasks in (("upstream", roles.upstream), ("flatness", roles.flatness), ("downstream", roles.downstream)):
        if task in tasks:
            return role
    return "other"


def checkpoint_rows(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, heads: Sequence[Column]
) -> list[CheckpointRow]:
    """Every checkpoint that is known or was measured, by family, run and step."""
    known = {record.checkpoint: unknown(record.checkpoint) for record in records} | dict(checkpoints)
    by_checkpoint: dict[str, list[Record]] = {identity: [] for identity in known}
    for record in records:
        by_checkpoint[record.checkpoint].append(record)
    listing: dict[str, list[tuple[int, str]]] = {}
    for place in enumerate(roles.families):
        for name in roles.families[place[1]]:
            listing.setdefault(name, []).append(place)
    rows = [checkpoint_row(info, by_checkpoint[identity], listing, heads) for identity, info in known.items()]
    order = list(roles.families)
    return lettered(sorted(rows, key=lambda row: row_order(row, order)))


def lettered(rows: Sequence[CheckpointRow]) -> list[CheckpointRow]:
    """The rows with the letter of each flatness value's group, in columns that have several."""
    columns = list(zip(*(row.entries for row in rows), strict=True))
    known = [letters(e.kind for cell in column for e in cell if e.kind is not None) for column in columns]
    return [
        replace(row, entries=tuple(
            tuple(e if e.kind is None else replace(e, group=of[e.kind]) for e in cell)
            for cell, of in zip(row.entries, known, strict=True)
        ))
        for row in rows
    ]  # fmt: skip


def row_order(row: CheckpointRow, families: Sequence[str]) -> tuple[int, str, bool, int, str, str]:
    """Where a checkpoint stands in the table."""
    first = min((position(family, families) for family in row.families), default=len(families))
    return first, row.run, row.step is None, row.step or 0, row.name, row.identity


def unknown(identity: str) -> CheckpointInfo:
    """A stand-in for a checkpoint that was measured but is not described."""
    return CheckpointInfo(identity=identity, names=(identity,), run="")


def checkpoint_row(
    info: CheckpointInfo,
    records: Sequence[Record],
    listing: Mapping[str, Sequence[tuple[int, str]]],
    heads: Sequence[Column],
) -> CheckpointRow:
    """One checkpoint with an entry for each column; ``listing`` tells which families list a name."""
    names = info.names or (info.identity,)
    members = tuple(family for _, family in sorted({place for name in names for place in listing.get(name, ())}))
    by_task: dict[str, list[Record]] = {}
    for record in records:
        by_task.setdefault(record.task, []).append(record)
    return CheckpointRow(
        name=names[0],
        other_names=names[1:],
        identity=info.identity,
        families=members,
        run=info.run,
        step=info.step,
        parameters=info.parameters,
        entries=tuple(entries(by_task.get(column.task, ()), column, info) for column in heads),
    )


def entries(records: Sequence[Record], column: Column, info: CheckpointInfo | None = None) -> tuple[Entry, ...]:
    """What one cell holds, of the task's records: a mean for each signature, whole and partial apart, then the errors."""
    groups: dict[tuple[str, str], list[Record]] = {}
    failed = []
    for record in records:
        if record.error is not None:
            failed.append(record)
        elif (record.metric, record.unit) == (column.metric, column.unit):
            groups.setdefault((record.signature, record.partial or ""), []).append(record)
    made = [
        replace(mean_entry(group), kind=group_of(group[0], info) if column.role == "flatness" else None)
        for _, group in sorted(groups.items())
    ]
    if failed:
        errors = "; ".join(dict.fromkeys(record.error or "" for record in failed))
        made.append(Entry("error", seeds=len({r.key for r in failed}), error=errors, title=errors))
    return tuple(made)


def mean_entry(group: Sequence[Record]) -> Entry:
    """The mean over seeds with its error, the same that the slopes are fitted to."""
    first, mean = group[0], mean_over_seeds(group)
    scale, unit = scale_of(first.unit), value_unit(first.unit)
    method = first.stderr_method or ""
    if mean.seeds > 1:
        method = f"{method or 'none within seeds'}, with the spread over {mean.seeds} seeds"
    notes = [f"standard error: {method}" if method else "", f"partial: {first.partial}" if first.partial else ""]
    notes += [f"warning: {warning}" for warning in dict.fromkeys(w for record in group for w in record.warnings)]
    return Entry(
        text=with_error(mean.value, mean.stderr, scale),
        seeds=mean.seeds,
        partial=first.partial or "",
        signature=first.signature,
        title="; ".join([unit, *(note for note in notes if note), f"signature {first.signature[:12]}"]),
        sort=mean.value,
    )


def failures(records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo]) -> list[Failure]:
    """Measurements that failed and were not made since."""
    found = []
    for record in records:
        if record.error is not None:
            names = checkpoints.get(record.checkpoint, unknown(record.checkpoint)).names
            name = names[0] if names else record.checkpoint
            found.append(Failure(name, record.task, record.metric, record.seed, record.error))
    return sorted(found, key=lambda f: (f.checkpoint, f.task, f.metric, -1 if f.seed is None else f.seed))
