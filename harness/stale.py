"""Which records were measured by an older version of their task or of the measuring code than the present one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results import Record, Store
from harness.specs import Task, load_suite, load_task


@dataclass
class Present:
    """The versions that there are now; tasks are those of a folder's suite, else those that ship."""

    tasks: Mapping[str, Task]

    def why_stale(self, record: Record, context: Mapping[str, Any]) -> str | None:
        """Why a record is stale; None where it is not, or was published and not measured here."""
        parts = context.get("parts", {})
        kind, _, version = str(parts.get("measured_by", "")).rpartition("/")
        reasons = []
        task = self.task(record.task)
        if task is not None and record.task_version < task.version:
            reasons.append(f"version {record.task_version} of the task, now {task.version}")
        now = code_version(kind)
        if now is not None and version.isdigit() and int(version) < now:
            reasons.append(f"measured by {kind}/{version}, now {kind}/{now}")
        return " and ".join(reasons) or None

    def task(self, name: str) -> Task | None:
        """A task as it is now; None where nothing is called so any more."""
        if name not in self.tasks:
            try:
                return load_task(name)
            except HarnessError:
                return None
        return self.tasks[name]


def present(folder: Path) -> Present:
    """The versions that a folder's records are held against.

    Raises:
        HarnessError: its suite has a fault.
    """
    try:
        _, by_role = load_suite(folder)
    except HarnessError:
        if published(Store(folder)):
            return Present({})
        raise
    return Present({name: task for named in by_role.values() for name, task in named.items()})


def published(store: Store) -> bool:
    """Whether all numbers were imported: their suite then names tasks that no spec says."""
    return all("imported" in context.get("parts", {}) for context in store.contexts.values())


def stale_records(folder: Path, store: Store) -> list[tuple[Record, str]]:
    """Every stale record, failures aside, with the reason."""
    versions = present(folder)
    known: dict[tuple[str, int, str], str | None] = {}
    found = []
    for record in store.records:
        place = (record.task, record.task_version, record.context)
        if place not in known:
            known[place] = versions.why_stale(record, store.contexts.get(record.context, {}))
        reason = known[place]
        if reason is not None and record.error is None:
            found.append((record, reason))
    return found


def code_version(kind: str) -> int | None:
    """The present version of the code that measures a kind; None where there is no such kind any more."""
    from harness.measures.kinds import OURS, kind_of
    from harness.plugins import plugins

    if kind not in OURS and kind not in {point.name for point in plugins("harness.kinds")}:
        return None
    return int(kind_of(Named(kind)).VERSION)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Named:
    """The least of a task that ``kind_of`` asks for."""

    kind: str
