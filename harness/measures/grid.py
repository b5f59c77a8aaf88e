"""Several runs of one measurement, each recorded as a stage of its own; the best of them is the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.measures.measurement import Measurement, Value
from harness.specs.task import LabelledTask
from harness.training.loop import DivergedError

if TYPE_CHECKING:
    from harness.measures.session import Session
    from harness.results import Record
    from harness.specs.protocol import Selection

HELD_OUT = "held_out_"
Run = Callable[[Any], Measurement]
Records = Mapping[str, "Record"]
"""Of one point, by metric."""


def best_of_grid(
    session: Session, task: LabelledTask, selection: Selection, axis: str, points: Sequence[Any], run: Run
) -> Measurement:
    """Run every point of an axis (a learning rate, a layer); the first metric chooses where the selection says.

    Raises:
        DivergedError: no point finished.
    """
    return best_of(task, selection, axis, points, stages(session, axis, points, run))


def best_of(
    task: LabelledTask, selection: Selection, axis: str, points: Sequence[Any], found: Mapping[Any, Records]
) -> Measurement:
    """The cell that the records of all points make.

    Raises:
        DivergedError: no point finished.
    """
    on_score = selection.on == "score"
    judged_by = task.metrics[0] if on_score else f"{HELD_OUT}{task.metrics[0]}"
    finished = {point: records for point, records in found.items() if judged_by in records}
    name, failed = axis.replace("_", " "), len(points) - len(finished)
    if not finished:
        raise DivergedError(f"every {name} of the grid failed: {list(points)}")
    best = max(finished, key=lambda point: finished[point][judged_by].value or 0.0)
    where = task.splits["score"] if on_score else f"held-out part of {task.splits['train']}"
    selected = {"key": finished[best][judged_by].key, axis: best, "chosen_on": where, "by": judged_by}
    warnings = (f"{failed} of {len(points)} {name}s failed",) if failed else ()
    return Measurement(values_of(task, finished[best]), tokens=0, warnings=warnings, selected=selected)


def stages(session: Session, axis: str, points: Sequence[Any], run: Run) -> dict[Any, Records]:
    """The records of every point by metric; none of a point that failed."""
    found: dict[Any, Records] = {}
    for point in points:
        records = session.stage({axis: point}, partial(run, point))
        found[point] = {record.metric: record for record in records if record.error is None}
    return found


def values_of(task: LabelledTask, records: Records) -> tuple[Value, ...]:
    """The task's metrics, as the records of a stage have them."""
    return tuple(
        Value(r.metric, r.value, r.stderr, r.stderr_method or "", r.n or 0, r.unit, r.higher_is_better, r.details)  # type: ignore[arg-type]
        for r in (records[metric] for metric in task.metrics)
    )
