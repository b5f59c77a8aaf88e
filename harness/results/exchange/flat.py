"""Records as rows of one flat table, which CSV and Parquet hold: every field of a record and of its checkpoint.

What is no number or text stands as JSON. A context, which many records share, stands on the first row that refers to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.results.exchange.content import Content, roles_in_order
from harness.results.record import CheckpointInfo, Record

Value = str | int | float | bool | None
Row = dict[str, Value]

PLACE: dict[str, type] = {"family": str, "role": str, "name": str}
"""Columns for people: the first family of the checkpoint, the first role of the task, the first name of the checkpoint."""
RECORD: dict[str, type] = {
    "task": str, "metric": str, "value": float, "stderr": float, "stderr_method": str, "n": int, "unit": str,
    "higher_is_better": bool, "seed": int, "stage": str, "partial": str, "error": str, "task_version": int, "key": str,
    "signature": str, "context": str, "checkpoint": str, "schema": int,
}  # fmt: skip
RECORD_JSON = ("selected", "warnings", "details")
COST: dict[str, type] = {"seconds": float, "tokens": int, "peak_bytes": int}
CHECKPOINT: dict[str, type] = {
    "run": str, "commit": str, "parent": str, "step": int, "training_seed": int, "corpus": str, "objective": str,
    "architecture": str, "tokenizer": str, "parameters": int,
}  # fmt: skip
JSON = (*RECORD_JSON, "made", "names", "families", "roles", "made_by")
COLUMNS: dict[str, type] = PLACE | RECORD | COST | CHECKPOINT | dict.fromkeys(JSON, str)
"""Every column and its type; those of ``JSON`` hold JSON as text."""
REQUIRED = ("task", "metric", "unit", "higher_is_better", "task_version", "key", "signature", "context", "checkpoint",
            "schema", "run", "names", "stage")  # fmt: skip


def rows_of(content: Content) -> Iterator[Row]:
    """One row a record, in the order of the records.

    Raises:
        HarnessError: a record refers to a checkpoint that is not there.
    """
    told: set[str] = set()
    for record in content.records:
        if record.checkpoint not in content.checkpoints:
            raise HarnessError(
                f"{record.task}: the record {record.key[:16]} is of a checkpoint {record.checkpoint!r} that checkpoints.jsonl "
                "does not have; restore that file"
            )
        info = content.checkpoints[record.checkpoint]
        families, roles = content.families_of(record.checkpoint), content.roles_of(record.task)
        context = content.contexts.get(record.context)
        row: Row = {
            "family": families[0] if families else None, "role": roles[0] if roles else None, "name": info.names[0],
            **{name: getattr(record, name) for name in RECORD}, **{name: getattr(record.cost, name) for name in COST},
            **{name: getattr(info, name) for name in CHECKPOINT},
            **{name: as_json(getattr(record, name)) for name in RECORD_JSON}, "made": as_json(info.made),
            "names": as_json(info.names), "families": as_json(families), "roles": as_json(roles),
            "made_by": None if context is None or record.context in told else as_json(context),
        }  # fmt: skip
        told.add(record.context)
        yield row


def content_of(rows: Iterable[tuple[str, Mapping[str, Any]]], title: str, source: str) -> Content:
    """Rows, each with its place for messages, as a leaderboard folder would hold them.

    Raises:
        HarnessError: a row lacks what every record has, or tells another thing of a checkpoint than one before.
    """
    records: dict[tuple[str, str], Record] = {}
    checkpoints: dict[str, CheckpointInfo] = {}
    contexts: dict[str, dict[str, Any]] = {}
    families: dict[str, dict[str, None]] = {}
    tasks: dict[str, list[str]] = {}
    for where, row in rows:
        lacking = [name for name in REQUIRED if row.get(name) is None and name != "unit"]
        if lacking:
            raise HarnessError(f"{where}: {', '.join(lacking)} is blank; every row of an exported table has it")
        record, info = record_of(where, row), info_of(where, row)
        place = (record.key, record.metric)
        if records.setdefault(place, record) != record:
            raise HarnessError(
                f"{where}: {record.metric} of {record.task}, key {record.key[:16]}, is {record.value} and before "
                f"{records[place].value}; remove one"
            )
        if checkpoints.setdefault(info.identity, info) != info:
            raise HarnessError(
                f"{where}: the checkpoint {info.identity} is described otherwise on a row before; mend one"
            )
        if row.get("made_by"):
            context = parsed(where, "made_by", row["made_by"])
            contexts[context["context"]] = context
        for family in parsed(where, "families", row.get("families")) or ():
            families.setdefault(family, {})[info.names[0]] = None
        tasks.setdefault(record.task, parsed(where, "roles", row.get("roles")) or [])
    return Content(
        title, tuple(records.values()), checkpoints, contexts, roles_in_order(families, tasks, title, source)
    )


def record_of(where: str, row: Mapping[str, Any]) -> Record:
    """The record of a row.

    Raises:
        HarnessError: a cell is wrong.
    """
    line = {name: row.get(name) for name in RECORD}
    line |= {name: parsed(where, name, row.get(name)) for name in RECORD_JSON}
    line["unit"], line["warnings"] = line["unit"] or "", line["warnings"] or ()
    line["cost"] = {name: row.get(name) for name in COST}
    try:
        return Record.from_json(line)
    except (TypeError, ValueError) as error:
        raise HarnessError(f"{where}: {error}") from None


def info_of(where: str, row: Mapping[str, Any]) -> CheckpointInfo:
    """What a row tells of its checkpoint."""
    known: dict[str, Any] = {name: row.get(name) for name in CHECKPOINT}
    names, made = tuple(parsed(where, "names", row["names"])), parsed(where, "made", row.get("made"))
    return CheckpointInfo(identity=row["checkpoint"], names=names, made=made, **known)


def as_json(value: Any) -> str | None:
    """JSON of a value, or None of what is empty.

    >>> as_json({"a": 1.5}), as_json(()), as_json(["x"])
    ('{"a": 1.5}', None, '["x"]')
    """
    if not value:
        return None
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False, allow_nan=False)


def parsed(where: str, column: str, text: Any) -> Any:
    """What a JSON cell says.

    Raises:
        HarnessError: it is no JSON.
    """
    if not text:
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        raise HarnessError(f"{where}: {column} is {str(text)[:60]!r}; expected JSON, as an export writes it") from None
