"""What every probe found in every layer of every checkpoint: what the probing curves and their table are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.board.checkpoint_table import shown
from harness.board.flatness_spots import Spot, spots
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.join import Mean, axis_metrics, chance_of, columns, mean_over_seeds, usable
from harness.slopes.probing import Contexts, definition

Place = tuple[str, str, str, int | None, int, float]
"""Task, metric, checkpoint, seed, layer and value: what a run of one layer and a cell's list of layers share."""
Errors = Mapping[Place, float]


@dataclass(frozen=True, slots=True)
class LayerValues:
    """One checkpoint: its value by layer, a mean over seeds, and the layers that seeds took their score from."""

    spot: Spot
    values: Mapping[int, Mean]
    taken: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProbedTask:
    """One probe by its headline metric; ``chance`` is None where it is unknown or not one number."""

    task: str
    metric: str
    unit: str
    chance: float | None
    found: tuple[LayerValues, ...]

    @property
    def deep(self) -> bool:
        """Whether more than one layer of some checkpoint was read."""
        return any(len(one.values) > 1 for one in self.found)


def probed_tasks(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], contexts: Contexts, roles: Roles
) -> list[ProbedTask]:
    """Every probe of a suite that reads layers, in its order; a probe of tokens alone has none.

    Args:
        records: All, the runs of single layers too, which have the standard errors.
        checkpoints: What is known of each, by identity.
        contexts: By hash; they tell which tasks are probes.
        roles: Tasks and families of the suite.
    """
    visible = shown(records)
    table = columns(visible, set(roles.downstream))
    tasks = [t for t in roles.downstream if t in table and definition(t, table, contexts).get("kind") == "probe"]
    errors = errors_by_layer(records, set(tasks))
    found = spots(visible, checkpoints, roles, tasks) if tasks else []
    made = (probed_task(task, axis_metrics(task, table, roles)[0], table[task], found, errors) for task in tasks)
    return [one for one in made if one.found]


def probed_task(
    task: str, metric: str, metrics: Mapping[str, dict[str, list[Record]]], found: Sequence[Spot], errors: Errors
) -> ProbedTask:  # fmt: skip
    """One probe on the checkpoints that have it."""
    column = metrics[metric]
    measured = [(spot, cells_of(column[spot.identity])) for spot in found if spot.identity in column]
    read = (layer_values(spot, cells, errors) for spot, cells in measured)
    first = next(iter(column.values()))[0]
    return ProbedTask(task, metric, first.unit, chance_of(column), tuple(one for one in read if one.values))


def cells_of(records: list[Record]) -> list[Record]:
    """Of one checkpoint's records those of the newest version, whole before partial, and of the signature recorded last."""
    kept = usable({"": records})[""]
    return [record for record in kept if record.signature == kept[-1].signature]


def layer_values(spot: Spot, cells: Sequence[Record], errors: Errors) -> LayerValues:
    """One checkpoint; without any value where its probe has no layers."""
    by_layer: dict[int, list[Record]] = {}
    for cell in cells:
        for layer, value in values_of(cell).items():
            alone = cell.stderr if layer == layer_of(cell) else None
            known = errors.get((cell.task, cell.metric, cell.checkpoint, cell.seed, layer, value), alone)
            by_layer.setdefault(layer, []).append(replace(cell, value=value, stderr=known))
    taken = {own for cell in cells if (own := layer_of(cell)) is not None}
    means = {layer: mean_over_seeds(by_layer[layer]) for layer in sorted(by_layer)}
    return LayerValues(spot, means, tuple(sorted(taken)))


def layer_of(record: Record) -> int | None:
    """The layer that a record's value is of."""
    layer = (record.details or {}).get("layer")
    return layer if type(layer) is int else None


def values_of(cell: Record) -> dict[int, float]:
    """Value by layer, as a cell lists them; its own where one layer was read."""
    layer = layer_of(cell)
    if layer is None:
        return {}
    listed: Mapping[str, Any] = (cell.details or {}).get("by_layer") or {str(layer): cell.value}
    return {int(name): float(value) for name, value in listed.items() if value is not None and math.isfinite(value)}


def errors_by_layer(records: Sequence[Record], tasks: set[str]) -> dict[Place, float]:
    """The standard errors of the runs of single layers."""
    return {
        (record.task, record.metric, record.checkpoint, record.seed, layer, record.value): record.stderr
        for record in records
        if record.task in tasks and record.stage == "grid" and record.value is not None and record.stderr is not None
        and (layer := layer_of(record)) is not None
    }  # fmt: skip
