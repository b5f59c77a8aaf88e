"""What adaptation gained and forgot: values before and after it, in the domain adapted to and in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.before_after import BEFORE, GAIN, pairs
from harness.slopes.join import Column, Members, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.ordinary_least_squares import t_quantile

NORMAL_QUANTILE = 1.959964
ROUNDING = 1e-12
"""Of the values: a spread below it is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """How a metric of one task moved in one family: means over its checkpoints; ``gain`` is positive for the better.

    ``low`` and ``high`` are a 95 % interval of the gain, by ``method``; None where nothing is known of its error.
    """

    before: float
    after: float
    gain: float
    low: float | None
    high: float | None
    method: str
    checkpoints: int
    runs: int


@dataclass(frozen=True, slots=True)
class Adapted:
    """One metric of one task in one family: in the domain adapted to, and in each other domain it was scored in."""

    task: str
    metric: str
    unit: str
    family: str
    own: Change
    others: Mapping[str, Change]


def adaptations(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles
) -> list[Adapted]:  # fmt: skip
    """What every task with values before and after changed, family by family, tasks as the suite lists them."""
    tasks = dict.fromkeys((*roles.downstream, *roles.upstream, *(record.task for record in records)))
    table = columns(records, set(tasks))
    listed = identities_by_name(checkpoints)
    members: dict[str, Members] = {
        family: {listed[name]: name for name in names if name in listed} for family, names in roles.families.items()
    }
    found = []
    for task in tasks:
        metrics = table.get(task, {})
        paired = pairs(metrics)
        for own in (pair for pair in paired if not pair.domain):
            beside = [pair for pair in paired if pair.of == own.metric and pair.domain]
            for family, names in members.items():
                change = change_of(own.metric, metrics, names, checkpoints)
                if change is None:
                    continue
                others = {pair.domain: change_of(pair.metric, metrics, names, checkpoints) for pair in beside}
                unit = next(iter(metrics[own.metric].values()))[0].unit
                known = {domain: other for domain, other in others.items() if other is not None}
                found.append(Adapted(task, own.metric, unit, family, change, known))
    return found


def change_of(
    metric: str,
    metrics: Mapping[str, Column],
    names: Mapping[str, str],
    checkpoints: Mapping[str, CheckpointInfo],
) -> Change | None:
    """The change of one metric over the checkpoints of a family that have both values; None where none has.

    The error of a mean over three runs or more is the spread between them, t(R-1); of fewer, that of the test examples: as
    the gain was recorded, from the same examples before and after, or else of two values taken as independent, too wide.
    """
    after, before = (
        usable({i: found[i] for i in names if i in found}) for found in (metrics[metric], metrics[metric + BEFORE])
    )
    shared = [identity for identity in names if identity in after and identity in before]
    if not shared:
        return None
    values = np.array([[mean_over_seeds(part[i]).value for part in (before, after)] for i in shared])
    better = 1.0 if after[shared[0]][0].higher_is_better else -1.0
    gains = better * (values[:, 1] - values[:, 0])
    runs = [checkpoints[identity].run for identity in shared]
    mean, half, method = float(gains.mean()), None, "no error known"
    by_run = np.array([gains[[run == other for other in runs]].mean() for run in dict.fromkeys(runs)])
    if by_run.size >= 3:
        mean = float(by_run.mean())
        half = float(t_quantile(0.975, by_run.size - 1) * by_run.std(ddof=1) / np.sqrt(by_run.size))
        half = half if half > ROUNDING * np.abs(values).max() else 0.0
        method = f"t({by_run.size - 1}) of {by_run.size} runs"
    else:
        known = usable({i: found for i, found in metrics.get(metric + GAIN, {}).items() if i in shared})
        paired = len(known) == len(shared)
        errors = [
            mean_over_seeds(part[i]).stderr for part in ((known,) if paired else (before, after)) for i in shared
        ]  # fmt: skip
        if all(error is not None for error in errors):
            # All checkpoints are scored on the same examples, so that their errors do not average out.
            terms = 1 if paired else 2
            half = NORMAL_QUANTILE * float(np.sqrt(terms * np.mean([float(error or 0.0) ** 2 for error in errors])))
            method = f"of the test examples{', paired' if paired else ''}; these runs alone"
    low, high = (None, None) if half is None else (mean - half, mean + half)
    mean_before, mean_after = values.mean(axis=0).tolist()
    return Change(mean_before, mean_after, mean, low, high, method, len(shared), by_run.size)
