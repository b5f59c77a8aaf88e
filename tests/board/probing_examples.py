"""A leaderboard of probes made by hand: families of checkpoints, every layer of them with a value that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from board_examples import LOSS, context, record

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.cell import Axis

PROBE = Axis("probe/sst2", "accuracy", "fraction", True)
LAYERS = 4
Probed = tuple[list[Record], dict[str, CheckpointInfo], dict[str, dict[str, Any]], Roles]


def value(place: int, layer: int) -> float:
    """What the checkpoint at a place of its family has in a layer: the last but one layer is the best."""
    return 0.6 + 0.01 * place + 0.05 * (layer if layer < LAYERS - 1 else 0)


def stderr(layer: int) -> float:
    """Of every value of a layer."""
    return 0.01 * (1 + layer)


def cells(checkpoint: str, place: int, seed: int | None = None, axis: Axis = PROBE, shift: float = 0.0) -> list[Record]:
    """A run of the grid for each layer, and the cell that names the best of them and lists all."""
    by_layer = {layer: value(place, layer) + shift for layer in range(LAYERS)}
    best = LAYERS - 2
    runs = [
        record(checkpoint, axis, found, seed, key=f"{axis.task}:{checkpoint}:{seed}:{layer}", stage="grid",
               stderr=stderr(layer), details={"chance": 0.5, "layer": layer})
        for layer, found in by_layer.items()
    ]  # fmt: skip
    details = {"chance": 0.5, "layer": best, "by_layer": {str(layer): found for layer, found in by_layer.items()}}
    return [*runs, record(checkpoint, axis, by_layer[best], seed, stderr=stderr(best), details=details)]


def probed(families: Mapping[str, int], seeds: tuple[int | None, ...] = (None,)) -> Probed:
    """Families of so many checkpoints, the first of the highest loss: 4 - 0.1 for each before it."""
    records: list[Record] = []
    checkpoints = {}
    for family, count in families.items():
        for place in range(count):
            name = f"{family}-{place}"
            checkpoints[name] = CheckpointInfo(identity=name, names=(name,), run=f"{family}-run", step=100 * place)
            records.append(record(name, LOSS, 4 - 0.1 * place))
            for seed in seeds:
                records += cells(name, place, seed)
    contexts = {f"context of {axis.task}": context(axis) for axis in (LOSS, PROBE)}
    contexts[f"context of {PROBE.task}"]["parts"]["task"] = {"name": PROBE.task, "kind": "probe"}
    members = {family: tuple(f"{family}-{place}" for place in range(count)) for family, count in families.items()}
    return records, checkpoints, contexts, Roles((LOSS.task,), (), (PROBE.task,), members)
