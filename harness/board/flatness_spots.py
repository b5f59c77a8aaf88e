"""One checkpoint as the flatness tasks saw it: what the flatness section's figures and table are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.board.flatness_metrics import TRACE, rise_at
from harness.board.panels import position
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.join import axis_metrics, columns, mean_over_seeds, usable


@dataclass(frozen=True, slots=True)
class Spot:
    """One checkpoint.

    Attributes:
        identity: Of the checkpoint.
        name: The first it goes by.
        family: The first that lists it; empty where none does.
        run: Its training run.
        step: Of training.
        loss: On the tokens that its flatness was measured on, nats per token; else its upstream loss.
        loss_of: What the loss is of, in words.
        values: By task and metric, of one measurement a task.
    """

    identity: str
    name: str
    family: str
    run: str
    step: int | None
    loss: float | None
    loss_of: str
    values: Mapping[tuple[str, str], Record]

    @property
    def kin(self) -> str:
        """The family, or the checkpoint itself where none lists it."""
        return self.family or self.identity

    def value(self, task: str, metric: str) -> Record | None:
        """The record of a metric; None where it was not measured."""
        return self.values.get((task, metric))

    def trace(self, task: str) -> Record | None:
        """The trace that a task measured, with the details of where it sits."""
        return next((r for (t, metric), r in self.values.items() if t == task and TRACE.fullmatch(metric)), None)

    def rises(self, task: str, sort: str) -> list[tuple[float, Record]]:
        """Rises of the loss by distance; ``sort`` is "noise" or "ascent"."""
        found = [
            (distance, record)
            for (t, metric), record in self.values.items()
            if t == task and (distance := rise_at(metric, sort)) is not None
        ]
        return sorted(found, key=lambda pair: pair[0])


def spots(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, tasks: Sequence[str]
) -> list[Spot]:
    """Every checkpoint that one of the flatness tasks measured, by family, run and step."""
    measured: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        if record.task in tasks and record.error is None and record.value is not None:
            measured.setdefault(record.checkpoint, {}).setdefault(record.task, []).append(record)
    families = {name: family for family in reversed(list(roles.families)) for name in roles.families[family]}
    losses = upstream_losses(records, roles)
    found = []
    for identity, by_task in measured.items():
        info = checkpoints.get(identity) or CheckpointInfo(identity=identity, names=(identity,), run=identity)
        names = info.names or (identity,)
        order = list(roles.families)
        listed = [families[name] for name in names if name in families]
        values = {
            (task, record.metric): record for task in tasks if task in by_task for record in newest(by_task[task])
        }
        loss, loss_of = own_loss(values.values()) or losses.get(identity, (None, ""))
        family = min(listed, key=lambda name: position(name, order), default="")
        found.append(Spot(identity, names[0], family, info.run, info.step, loss, loss_of, values))
    return sorted(found, key=lambda spot: spot_order(spot, list(roles.families)))


def spot_order(spot: Spot, families: Sequence[str]) -> tuple[int, str, bool, int, str, str]:
    """Where a checkpoint stands."""
    return position(spot.family, families), spot.run, spot.step is None, spot.step or 0, spot.name, spot.identity


def newest(records: Sequence[Record]) -> list[Record]:
    """The records of one measurement: of the newest version, whole before partial, with a comparability group before without."""

    def rank(record: Record) -> tuple[int, bool, bool, str]:
        return (
            record.task_version, record.partial is None, "comparable_group" in (record.details or {}), record.key,
        )  # fmt: skip

    best = max(records, key=rank)
    return sorted((r for r in records if r.key == best.key), key=lambda r: r.metric)


def own_loss(records: Iterable[Record]) -> tuple[float, str] | None:
    """The loss that flatness records carry; the first task's, and None where none does."""
    for record in records:
        loss = (record.details or {}).get("nats_per_token")
        if loss is not None:
            return float(loss), f"nats per token on the text of {record.task}"
    return None


def upstream_losses(records: Sequence[Record], roles: Roles) -> dict[str, tuple[float | None, str]]:
    """The value of the first upstream task, by checkpoint, and what it is."""
    found: dict[str, tuple[float | None, str]] = {}
    table = columns(records, set(roles.upstream))
    for task in roles.upstream:
        for metric in axis_metrics(task, table, roles)[:1]:
            for identity, rows in usable(table[task][metric]).items():
                found.setdefault(identity, (mean_over_seeds(rows).value, f"{rows[0].unit} on {task}"))
    return found


def chosen(found: Sequence[Spot]) -> list[Spot]:
    """The checkpoint that stands for each family: the last step, and of several runs the one of the lowest loss.

    A checkpoint that no family lists stands for itself.
    """
    by_family: dict[str, list[Spot]] = {}
    for spot in found:
        by_family.setdefault(spot.kin, []).append(spot)
    return [min(group, key=lambda s: (-(s.step or 0), float("inf") if s.loss is None else s.loss, s.name, s.identity))
            for group in by_family.values()]  # fmt: skip
