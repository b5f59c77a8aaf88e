"""Kinds of measurement by name: ours, and those of the entry points in the group ``harness.kinds``.

A kind is a module (or any object) with ``VERSION``, a number that is raised when the code would measure differently;
``columns(task)`` and ``rows_wanted(task)``, what it reads; ``policy(task, checkpoint)``, the part of the signature that
depends on the checkpoint's objective; and ``measure(session, task, seed)``. One that reads the data of other tasks too
names them by ``also_reads(task)``; one that needs certain rows of a split, whatever the limit, says how many by
``fixed_rows(task, split)``; one whose randomness depends on the task says by ``seeded(task)`` whether it has any. A plug-in also has ``Task``, its spec class.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from harness.plugins import plugins

if TYPE_CHECKING:
    from harness.checkpoints import Resolved
    from harness.measures.measurement import Measurement
    from harness.measures.session import Session
    from harness.specs import Task

OURS = {
    "lm_loss": "harness.measures.lm_loss",
    "flatness": "harness.measures.curvature.kind",
    "finetune": "harness.measures.finetune",
    "probe": "harness.measures.probing.kind",
    "choice": "harness.measures.choice",
    "affinity": "harness.measures.affinity.kind",
    "translation": "harness.measures.translation.kind",
}


class Kind(Protocol):
    """What a kind offers the evaluator."""

    VERSION: int

    def columns(self, task: Any) -> tuple[str, ...]:
        """Columns of the data that are read."""

    def rows_wanted(self, task: Any) -> int | None:
        """How many rows are enough; None for all."""

    def policy(self, task: Any, checkpoint: Resolved) -> dict[str, Any]:
        """How the task meets this kind of checkpoint: part of the signature."""

    def measure(self, session: Session, task: Any, seed: int | None) -> Measurement:
        """Measure."""


def kind_of(task: Task) -> Kind:
    """The code that measures a task."""
    if task.kind in OURS:
        return importlib.import_module(OURS[task.kind])  # type: ignore[return-value]
    return next(point.load() for point in plugins("harness.kinds") if point.name == task.kind)


def also_reads(task: Task) -> Mapping[str, Task]:
    """Other tasks whose data a measurement reads, by what they are to it: their rows are part of its signature."""
    found = getattr(kind_of(task), "also_reads", None)
    return found(task) if found else {}


def first_rows(task: Task, split: str, limit: int | None) -> int | None:
    """How many rows of a split are read under a limit; None for all."""
    kind = kind_of(task)
    fixed = getattr(kind, "fixed_rows", None)
    if fixed is not None and (count := fixed(task, split)) is not None:
        return int(count)
    return min((n for n in (kind.rows_wanted(task), limit) if n is not None), default=None)


def has_seeds(task: Task) -> bool:
    """Whether a measurement has randomness of its own: the loss and flatness kinds fix theirs in the task."""
    if task.kind in ("lm_loss", "flatness"):
        return False
    seeded = getattr(kind_of(task), "seeded", None)
    return bool(getattr(kind_of(task), "SEEDED", True)) if seeded is None else bool(seeded(task))
