"""Records of flatness tasks meet the fits: one battery for each (upstream, metric of a task, flatness measure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.results.rows import Row
from harness.slopes.cell import Axis, Fit
from harness.slopes.flatness.battery import FlatnessAnswer, battery
from harness.slopes.flatness.proxies import candidates_of
from harness.slopes.join import axis_metrics, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.multiplicity import benjamini_hochberg

Kind = tuple[str, str | None]
"""Signature and comparability group."""


def answers(
    records: Iterable[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, fits: Sequence[Fit]
) -> list[tuple[FlatnessAnswer, float]]:
    """Every answer with its p adjusted for how many were asked (Benjamini and Hochberg), least first.

    The p is that of the corrected test where the loss is not as good as exact.
    The flatness of a task is its headline metric (``roles.headline``, else the first one recorded). Families
    share a battery where theirs was measured under one signature and in one comparability group: raw traces of two
    definitions, or of two architectures, are not comparable.
    Planted controls are not asked: their slope is known.
    """
    if not roles.flatness:
        return []
    table = columns(records, set(roles.flatness))
    listed = identities_by_name(checkpoints)
    members = {listed[name] for names in roles.families.values() for name in names if name in listed}
    planted = {control.task for control in roles.controls}
    fits = [fit for fit in fits if fit.cell.downstream.task not in planted]
    found = []
    rows = [
        row for metrics in table.values() for column in metrics.values() for kept in column.values() for row in kept
    ]
    candidates = candidates_of(checkpoints, rows)
    for task in roles.flatness:
        for metric in axis_metrics(task, table, roles)[:1]:
            kept = usable({identity: rows for identity, rows in table[task][metric].items() if identity in members})
            values = {identity: mean_over_seeds(rows).value for identity, rows in kept.items()}
            kinds = {identity: {kind_of(row) for row in rows} for identity, rows in kept.items()}
            for group in alike(fits, kinds):
                found.append(battery(group, values, f"{task} {metric}", candidates))
    asked = [answer for answer in found if answer is not None]
    adjusted = benjamini_hochberg([answer.decisive.p for answer in asked])
    return sorted(zip(asked, adjusted, strict=True), key=lambda pair: pair[1])


def kind_of(record: Record | Row) -> Kind:
    """What two values of one flatness measure must share; records older than comparability groups have the signature alone."""
    return record.signature, (record.details or {}).get("comparable_group")


def alike(fits: Sequence[Fit], kinds: Mapping[str, set[Kind]]) -> list[list[Fit]]:
    """Fits of one upstream and downstream measure, apart by the kind of their flatness; mixed families left out."""
    groups: dict[tuple[Axis, Axis, Kind], list[Fit]] = {}
    for fit in fits:
        used = set().union(*(kinds.get(point.checkpoint, set()) for point in fit.cell.points))
        if len(used) == 1:
            groups.setdefault((fit.cell.upstream, fit.cell.downstream, used.pop()), []).append(fit)
    return list(groups.values())
