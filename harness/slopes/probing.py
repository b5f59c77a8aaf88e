"""Does probing predict fine-tuning? Checkpoints of a family, ordered by a probe of the frozen body and by fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.comparable import different_signatures, partly_partial
from harness.slopes.join import axis_metrics, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.multiplicity import benjamini_hochberg
from harness.slopes.rank_correlation import RankCorrelation, rank_correlation

Contexts = Mapping[str, Mapping[str, Any]]
Values = dict[str, float]
LEAST_CHECKPOINTS = 6


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """How a probe orders the checkpoints of a family against how a task does.

    Attributes:
        family: whose checkpoints.
        probe: the probe's task and metric.
        task: the fine-tuned task and metric.
        same_data: whether both learn the same labels of the same data: then the probe is what the body knew already.
        runs: how many runs the checkpoints are of; below three the answer is about these runs alone.
        found: the rank correlation over checkpoints, positive where both order them alike, better metrics counted as higher;
            None where ``refusal`` says why.
        gain: mean of fine-tuned less probed, where both have one metric of the same data.
        q: p of the correlation, adjusted for how many were asked.
    """

    family: str
    probe: tuple[str, str]
    task: tuple[str, str]
    same_data: bool
    runs: int
    found: RankCorrelation | None
    gain: float | None = None
    q: float | None = None
    refusal: str | None = None


def probe_answers(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], contexts: Contexts, roles: Roles
) -> list[ProbeAnswer]:
    """Every probe against every fine-tuned task of a suite, family by family, by their headline metrics.

    Planted controls are not asked. Empty where a suite has no probes.
    """
    planted = {control.task for control in roles.controls}
    table = columns(records, set(roles.downstream) - planted)
    definitions = {task: definition(task, table, contexts) for task in table}
    probes = [task for task in table if definitions[task].get("kind") == "probe"]
    tuned = [task for task in table if definitions[task].get("kind") == "finetune"]
    found = []
    for family in roles.families:
        values = {task: values_of(family, task, table, checkpoints, roles) for task in (*probes, *tuned)}
        for task in tuned:
            for probe in probes:
                same = labels_of(definitions[probe]) == labels_of(definitions[task])
                found.append(answer(family, values[probe], values[task], checkpoints, same))
    return adjusted([one for one in found if one is not None])


def definition(task: str, table: Any, contexts: Contexts) -> Mapping[str, Any]:
    """A task as its newest records were measured by; empty where figures were imported."""
    record = next(r for metrics in table[task].values() for kept in metrics.values() for r in reversed(kept))
    found = contexts.get(record.context, {}).get("parts", {}).get("task")
    return found if isinstance(found, Mapping) else {}


def labels_of(found: Mapping[str, Any]) -> tuple[str, str]:
    """What decides which labels a task learns; how many rows of them does not."""
    return str(found.get("data")), str(found.get("target", "label"))


@dataclass(frozen=True, slots=True)
class Scores:
    """One metric of a family's checkpoints; ``direction`` is 1 where more is better."""

    task: str
    metric: str
    direction: int
    values: Values
    records: Mapping[str, Sequence[Record]]


def values_of(
    family: str, task: str, table: Any, checkpoints: Mapping[str, CheckpointInfo], roles: Roles
) -> Scores | None:
    """The headline metric of a task on every checkpoint of a family that has it."""
    listed = identities_by_name(checkpoints)
    members = [listed[name] for name in roles.families[family] if name in listed]
    metric = axis_metrics(task, table, roles)[0]
    column = table[task][metric]
    kept = usable({identity: column[identity] for identity in members if identity in column})
    if not kept:
        return None
    direction = 1 if next(iter(kept.values()))[0].higher_is_better else -1
    return Scores(task, metric, direction, {i: mean_over_seeds(rows).value for i, rows in kept.items()}, kept)


def answer(
    family: str, probe: Scores | None, task: Scores | None, checkpoints: Mapping[str, CheckpointInfo], same: bool
) -> ProbeAnswer | None:
    """One pair; None where one of the two was not measured on this family."""
    if probe is None or task is None:
        return None
    shared = [identity for identity in task.values if identity in probe.values]
    runs = len({checkpoints[identity].run for identity in shared})
    x, y = (np.array([scores.values[i] for i in shared]) * scores.direction for scores in (probe, task))
    measured = [[record for i in shared for record in scores.records[i]] for scores in (probe, task)]
    mixed = [partly_partial(rows) or different_signatures(rows) for rows in measured]
    refusal = next((reason for reason in mixed if reason is not None), None)
    if len(shared) < LEAST_CHECKPOINTS:
        refusal = f"{len(shared)} checkpoints have both; {LEAST_CHECKPOINTS} are the least for an order to be compared"
    elif np.ptp(x) == 0 or np.ptp(y) == 0:
        refusal = f"all checkpoints have one value of {(probe if np.ptp(x) == 0 else task).task}, so there is no order"
    comparable = same and probe.metric == task.metric and not any(mixed)
    return ProbeAnswer(
        family, (probe.task, probe.metric), (task.task, task.metric), same, runs,
        None if refusal else rank_correlation(x, y),
        gain=float(np.mean(y - x)) if comparable and shared else None, refusal=refusal,
    )  # fmt: skip


def adjusted(found: Sequence[ProbeAnswer]) -> list[ProbeAnswer]:
    """With p adjusted for all pairs (Benjamini and Hochberg); probes of the same data first, then by correlation."""
    asked = [one for one in found if one.found is not None]
    q = benjamini_hochberg([one.found.p for one in asked if one.found])
    known = [replace(one, q=float(value)) for one, value in zip(asked, q, strict=True)]
    known.sort(key=lambda one: (not one.same_data, one.family, one.task, -(one.found.rho if one.found else 0.0)))
    return known + [one for one in found if one.found is None]
