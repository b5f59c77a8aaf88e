"""Cells refitted with other runs of their learning-rate grids: each rate by itself, and the best on the scored split.

A grid run is a record of stage ``grid`` whose context's parts are those of the cell plus the rate, so the cell it
belongs to is the one whose signature is the hash of the parts without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.results.rows import Row
from harness.results.signature import digest, key_of
from harness.slopes.cell import Cell, Fit
from harness.slopes.fit import fit_cell, over_window
from harness.slopes.join import join
from harness.slopes.sensitivity.options import Measure, Option, Order, Sensitivity, compared

CHOICE, MEASURED, BEST = "learning rate", "as measured", "best on the scored split"
HELD_OUT = "held_out_"

Contexts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class GridRun:
    """One run of a cell's grid: its records by metric, each turned into what the cell would hold had it been chosen."""

    rate: float
    records: Mapping[str, Record]


Place = tuple[str, str, int | None]
"""Signature of the cell, checkpoint identity and seed."""


def grid_sensitivities(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], contexts: Contexts, roles: Roles,
    fits: Sequence[Fit],
) -> tuple[list[Sensitivity], list[Order]]:  # fmt: skip
    """Every fitted task that has a grid of learning rates, under each rate and each rule of selection.

    Fits of a checkpoint set that is the board's own are averaged over the board's window.
    """
    runs = grid_runs(records, contexts, set(roles.downstream))
    if not runs:
        return [], []
    chosen = {(r.signature, r.checkpoint, r.seed): r for r in records if r.stage == "selected" and r.selected}
    alternatives: dict[str, list[Record]] = {BEST: []}
    for rate in sorted({run.rate for found in runs.values() for run in found}):
        alternatives[named(rate)] = []
    for place, found in runs.items():
        for run in found:
            alternatives[named(run.rate)] += run.records.values()
        by = judged_by(chosen[place]) if place in chosen else None
        if by is not None:
            alternatives[BEST] += best_of(found, by)
    tasks = {record.task for found in alternatives.values() for record in found}
    upstream = [record for record in records if record.task in roles.upstream]
    narrowed = replace(roles, downstream=tuple(task for task in roles.downstream if task in tasks))
    cells = {
        name: join([*(r for r in upstream if r.task not in tasks), *found], checkpoints, narrowed)
        for name, found in alternatives.items()
        if found
    }
    return held_against(fits, cells)


def grid_runs(records: Iterable[Record], contexts: Contexts, tasks: set[str]) -> dict[Place, list[GridRun]]:
    """The finished grid runs of each cell, by rate; records whose context is not known are left out."""
    known: dict[str, tuple[str, float] | None] = {}
    found: dict[Place, dict[float, dict[str, Record]]] = {}
    for record in records:
        if record.stage != "grid" or record.error is not None or record.task not in tasks:
            continue
        if record.context not in known:
            known[record.context] = cell_and_rate(contexts.get(record.context, {}).get("parts", {}))
        place = known[record.context]
        if place is None:
            continue
        signature, rate = place
        key = key_of(signature, record.checkpoint, record.seed)
        as_cell = Row.of(record)._replace(stage="selected", signature=signature, key=key)
        by_rate = found.setdefault((signature, record.checkpoint, record.seed), {})
        by_rate.setdefault(rate, {})[record.metric] = as_cell  # type: ignore[assignment]
    return {
        place: [GridRun(rate, without_held_out(by_rate[rate])) for rate in sorted(by_rate)]
        for place, by_rate in found.items()
    }


def cell_and_rate(parts: Mapping[str, Any]) -> tuple[str, float] | None:
    """The cell's signature and the rate that a grid run's parts tell of; None where they tell of neither."""
    rate = (parts.get("stage") or {}).get("learning_rate")
    if rate is None:
        return None
    return digest({name: part for name, part in parts.items() if name != "stage"}), float(rate)


def without_held_out(records: Mapping[str, Record]) -> dict[str, Record]:
    """The metrics on the scored split."""
    return {metric: record for metric, record in records.items() if not metric.startswith(HELD_OUT)}


def judged_by(record: Record) -> str | None:
    """The metric, on the scored split, that a cell's run was chosen by."""
    by = (record.selected or {}).get("by")
    return None if by is None else str(by).removeprefix(HELD_OUT)


def best_of(runs: Sequence[GridRun], by: str) -> list[Record]:
    """The records of the run that is best on the scored split; of equals the one of the lowest rate."""
    finished = [run for run in runs if by in run.records]
    if not finished:
        return []

    def goodness(run: GridRun) -> float:
        record = run.records[by]
        return float(record.value or 0.0) * (1 if record.higher_is_better else -1)

    return list(max(finished, key=goodness).records.values())


def named(rate: float) -> str:
    """A fixed rate in words."""
    return f"learning rate {rate:g}"


def held_against(fits: Sequence[Fit], cells: Mapping[str, Sequence[Cell]]) -> tuple[list[Sensitivity], list[Order]]:
    """Each fit as measured beside the refits of its cell, family by family and upstream by upstream."""
    refitted = {(name, *place_of(cell)): cell for name, found in cells.items() for cell in found}
    groups: dict[tuple[str, str], dict[Measure, list[Option]]] = {}
    for fit in fits:
        place = place_of(fit.cell)
        options = [
            option_of(name, refitted[name, *place], fit)
            for name in cells
            if (name, *place) in refitted and refitted[name, *place].points
        ]
        groups.setdefault(place[:2], {})[place[2:]] = [Option(MEASURED, fit), *options]
    answers: list[Sensitivity] = []
    orders: list[Order] = []
    for (family, upstream), measures in groups.items():
        more, alike = compared(CHOICE, family, upstream, measures)
        answers, orders = answers + more, orders + alike
    return answers, orders


def place_of(cell: Cell) -> tuple[str, str, str, str]:
    """Family, upstream task, downstream task and metric."""
    return cell.family, cell.upstream.title, cell.downstream.task, cell.downstream.metric


def option_of(name: str, cell: Cell, measured: Fit) -> Option:
    """A refit, over the board's window where the checkpoints are the same, and how far it moved the metric."""
    before = {point.checkpoint: point.y for point in measured.cell.points}
    after = {point.checkpoint: point.y for point in cell.points}
    shared = [after[identity] - before[identity] for identity in after if identity in before]
    fit = fit_cell(cell)
    if after.keys() == before.keys() and measured.window is not None and fit.model not in (None, "linear"):
        fit = over_window(fit, measured.window)
    return Option(name, fit, sum(shared) / len(shared) if shared else None)
