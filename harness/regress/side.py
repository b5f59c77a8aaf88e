"""One side of a comparison: what a results folder holds of each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.regress.cell import Group, Measured, Name
from harness.results import Record, Store
from harness.results.store import RESULTS

NOT_COMPARED = "affinity"
"""Features of tasks: none of them is better than another."""


@dataclass(frozen=True)
class Side:
    """A folder's cells: for each name every measurement there is, by (checkpoint, signature), the newest last."""

    folder: Path
    store: Store
    cells: Mapping[Name, Mapping[tuple[str, str], tuple[Record, ...]]]
    failures: Mapping[tuple[str, str], str]
    """Task and checkpoint name to the error of a measurement that failed."""

    def newest(self, name: Name) -> Measured:
        """The newest measurement of a cell."""
        return self.measured(list(self.cells[name].values())[-1])

    def under(self, name: Name, signature: str) -> Measured | None:
        """The newest measurement of a cell under a signature."""
        found = [records for (_, under), records in self.cells.get(name, {}).items() if under == signature]
        return self.measured(found[-1]) if found else None

    def measured(self, records: tuple[Record, ...]) -> Measured:
        """Records with what is known of their checkpoint and context."""
        parts = self.store.contexts.get(records[0].context, {}).get("parts", {})
        info = self.store.checkpoints.get(records[0].checkpoint)
        return Measured(records, None if info is None else info.tokenizer, kind_of(parts), parts)


def read_side(folder: Path, aliases: Mapping[str, str] | None = None) -> Side:
    """Read a results folder.

    Args:
        folder: it.
        aliases: names of its checkpoints to the names they are compared under.

    Raises:
        HarnessError: it has no records, or a line of them is none.
    """
    if not (folder / RESULTS).is_file():
        raise HarnessError(f"{folder} holds no {RESULTS}; give a results folder, as 'harness run -o FOLDER' writes it")
    store = Store(folder)
    cells: dict[Name, dict[tuple[str, str], dict[str, Record]]] = {}
    failures: dict[tuple[str, str], str] = {}
    for record in store.records:
        for checkpoint in names_of(store, record, aliases or {}):
            if record.error is not None:
                failures[record.task, checkpoint] = record.error
            elif record.stage == "selected" and compared(store, record):
                under = cells.setdefault(Name(record.task, record.metric, checkpoint), {})
                under.setdefault((record.checkpoint, record.signature), {})[record.key] = record
    whole = {name: {place: tuple(found.values()) for place, found in under.items()} for name, under in cells.items()}
    return Side(folder, store, whole, failures)


def names_of(store: Store, record: Record, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """The names a record's checkpoint goes by here."""
    info = store.checkpoints.get(record.checkpoint)
    names = info.names if info is not None else (record.checkpoint,)
    return tuple(dict.fromkeys(aliases.get(name, name) for name in names))


def compared(store: Store, record: Record) -> bool:
    """Whether a record is one that can get better or worse."""
    return kind_of(store.contexts.get(record.context, {}).get("parts", {})) != NOT_COMPARED


def kind_of(parts: Mapping[str, Any]) -> str | None:
    """The kind of a measurement's task; None of an imported table, which tells no kind."""
    task = parts.get("task")
    return task.get("kind") if isinstance(task, dict) else None


def group_of(measured: Measured) -> Group:
    """What sort of cell a measurement is: by its kind, else by the unit."""
    if measured.kind is None:
        return "loss" if measured.records[0].unit.startswith(("nats", "bits")) else "metric"
    return {"lm_loss": "loss", "flatness": "flatness"}.get(measured.kind, "metric")  # type: ignore[return-value]
