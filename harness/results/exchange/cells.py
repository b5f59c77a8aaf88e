"""One number for a checkpoint, a task and a metric, for formats that hold no more: the mean over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from harness.results.exchange.content import Content
from harness.results.record import CheckpointInfo, Record


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in its unit.

    ``stderr`` is that of the examples where there is one seed, and sd over seeds / sqrt(seeds) where there are several.
    """

    checkpoint: CheckpointInfo
    task: str
    metric: str
    value: float
    stderr: float | None
    seeds: int
    unit: str
    higher_is_better: bool
    parts: Mapping[str, Any]

    @property
    def definition(self) -> Mapping[str, Any]:
        """The task as it was measured; empty for published numbers."""
        task = self.parts.get("task")
        return task if isinstance(task, Mapping) else {}

    @property
    def dataset(self) -> str | None:
        """The data set on the Hub that the task scores; None where it is of another kind or unknown."""
        path = (self.definition.get("data") or {}).get("path")
        return None if not path or path.startswith("local/") else str(path)

    @property
    def revision(self) -> str | None:
        """The revision of that data set."""
        return (self.parts.get("data") or {}).get("revision")

    @property
    def split(self) -> str | None:
        """The split that is scored."""
        return (self.definition.get("splits") or {}).get("score")


def cells_of(content: Content) -> Iterator[Cell]:
    """Every cell of whole, selected measurements, in the order of the records; the newest version of a task alone."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in content.records:
        if (
            record.error is None
            and record.partial is None
            and record.stage == "selected"
            and not of_another_task(record)
        ):
            groups.setdefault((record.checkpoint, record.task, record.metric), []).append(record)
    for found in groups.values():
        yield cell_of(content, found)


def of_another_task(record: Record) -> bool:
    """Whether a record says something of another task, as features do: one checkpoint then has many of one metric."""
    return bool((record.details or {}).get("of"))


def cell_of(content: Content, found: Sequence[Record]) -> Cell:
    """The cell of the records of a checkpoint, a task and a metric: of those with the last signature of the newest version."""
    version = max(record.task_version for record in found)
    last = [record for record in found if record.task_version == version][-1]
    chosen = [record for record in found if record.signature == last.signature]
    values = [float(record.value) for record in chosen if record.value is not None]
    stderr = last.stderr if len(values) == 1 else stdev(values) / math.sqrt(len(values))
    parts = content.contexts.get(last.context, {}).get("parts", {})
    return Cell(
        content.checkpoints[last.checkpoint], last.task, last.metric, fmean(values), stderr, len(values), last.unit,
        last.higher_is_better, parts,
    )  # fmt: skip


def headlines(content: Content, cells: Sequence[Cell]) -> dict[str, str]:
    """Task to the metric shown first: the suite's headline, else its first metric."""
    found: dict[str, str] = {}
    for cell in cells:
        found.setdefault(cell.task, cell.metric)
    return found | {task: metric for task, metric in content.roles.headline.items() if task in found}
