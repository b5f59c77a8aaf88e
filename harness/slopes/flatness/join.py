"""Records of flatness tasks meet the fits: one battery for each (upstream, metric of a task, flatness measure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.cell import Axis, Fit
from harness.slopes.flatness.battery import FlatnessAnswer, battery
from harness.slopes.join import axis_metrics, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.multiplicity import benjamini_hochberg


def answers(
    records: Iterable[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, fits: Sequence[Fit]
) -> list[tuple[FlatnessAnswer, float]]:
    """Every answer with its p adjusted for how many were asked (Benjamini and Hochberg), least first.

    The flatness of a task is its headline metric (``roles.headline``, else the first one recorded). Checkpoints measured
    under more than one signature are left out: raw traces of two definitions are not comparable.
    """
    if not roles.flatness:
        return []
    table = columns(records, set(roles.flatness))
    listed = identities_by_name(checkpoints)
    members = {listed[name] for names in roles.families.values() for name in names if name in listed}
    groups: dict[tuple[Axis, Axis], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit.cell.upstream, fit.cell.downstream), []).append(fit)
    found = []
    for task in roles.flatness:
        for metric in axis_metrics(task, table, roles)[:1]:
            kept = usable({identity: rows for identity, rows in table[task][metric].items() if identity in members})
            if len({row.signature for rows in kept.values() for row in rows}) > 1:
                continue
            values = {identity: mean_over_seeds(rows).value for identity, rows in kept.items()}
            found += [battery(group, values, f"{task} {metric}") for group in groups.values()]
    asked = [answer for answer in found if answer is not None]
    adjusted = benjamini_hochberg([answer.partial.p for answer in asked])
    return sorted(zip(asked, adjusted, strict=True), key=lambda pair: pair[1])
