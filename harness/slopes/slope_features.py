"""Records of affinity tasks meet the fits: can the slopes on an upstream task be predicted from features of the tasks?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes import rules
from harness.slopes.cell import Axis, Cell, Fit
from harness.slopes.join import Column, axis_metrics, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.probing import Contexts, definition, labels_of
from harness.slopes.slope_prediction import SlopePrediction, predict_slopes

CHANGES = ("log_maximum_evidence", "n_leep", "h_score")
"""Scores of a checkpoint whose change, as the upstream metric gets better, is the feature, and not their level."""
PROBE_GAIN = "probe gain"
"""What a probe of the frozen body on the task's own labels gains for one unit that the upstream metric gets better."""
FEWEST_CHECKPOINTS = 3
SHARE, SPREAD = "share of the way from chance to perfect", "standard deviations of the metric over the checkpoints"

Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class SlopeAnswer:
    """What was found for the slopes on one upstream task, or one sentence on why nothing could be.

    ``unit`` is what slopes were divided by, so that metrics may meet; ``left_out`` are features that some slope lacks.
    """

    upstream: Axis
    unit: str
    per: float
    found: SlopePrediction | None
    refusal: str | None
    left_out: tuple[str, ...] = ()


def predictions(
    records: Iterable[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles, fits: Sequence[Fit],
    contexts: Contexts | None = None,
) -> list[SlopeAnswer]:  # fmt: skip
    """One answer for each upstream task, over the headline metric of every downstream task that has features.

    With ``contexts``, what a probe of a task's own labels gains while the upstream metric gets better is a feature too.
    """
    if not roles.affinity:
        return []
    kept = list(records)
    scores, measured = columns(kept, set(roles.affinity)), columns(kept, set(roles.downstream))
    gains = probes_by_task(measured, contexts or {}, roles)
    headline = {task: metrics[0] for task in roles.downstream if (metrics := axis_metrics(task, measured, roles))}
    by_name = identities_by_name(checkpoints)
    members = {family: {by_name[n] for n in names if n in by_name} for family, names in roles.families.items()}
    groups: dict[Axis, list[Fit]] = {}
    for fit in fits:
        if (
            fit.status != "refused"
            and fit.stderr
            and headline.get(fit.cell.downstream.task) == fit.cell.downstream.metric
        ):
            groups.setdefault(fit.cell.upstream, []).append(fit)
    return [answer(axis, group, scores, members, gains) for axis, group in groups.items()]


def answer(
    upstream: Axis, fits: Sequence[Fit], scores: Mapping[str, Mapping[str, Column]], members: Mapping[str, set[str]],
    gains: Mapping[str, Mapping[str, Column]],
) -> SlopeAnswer:  # fmt: skip
    """Predict the slopes on one upstream task."""
    rows = [
        (fit, found)
        for fit in fits
        if (found := features_of(fit.cell, scores, members.get(fit.cell.family, set()), gains))
    ]
    used = [fit for fit, _ in rows]
    every = list(dict.fromkeys(name for _, found in rows for name in found))
    names = [name for name in every if all(name in found for _, found in rows)]
    missing = tuple(name for name in every if name not in names)
    unit, scales = in_one_unit([fit.cell for fit in used])
    per = used[0].per if used else 1.0
    slopes = np.array([fit.transfer_slope or 0.0 for fit in used]) / scales
    stderrs = np.array([(fit.stderr or 0.0) * fit.per for fit in used]) / scales
    features = np.array([[found[name] for name in names] for _, found in rows]).reshape(len(rows), len(names))
    try:
        if used and not names:
            raise HarnessError("no feature was measured for every task; measure one affinity task for each of them")
        outcome = predict_slopes(
            slopes, stderrs, features, names, [f.cell.downstream.task for f in used], [f.cell.family for f in used]
        )
    except HarnessError as error:
        return SlopeAnswer(upstream, unit, per, None, str(error), missing)
    return SlopeAnswer(upstream, unit, per, outcome, None, missing)


def in_one_unit(cells: Sequence[Cell]) -> tuple[str, Array]:
    """What to divide each slope by: perfect less chance where all metrics know both, else the sd of y in the cell.

    The noise of y would not do: it falls with the size of the test set, which goes with that of the train set.
    """
    axes = [cell.downstream for cell in cells]
    if all(a.best is not None and a.chance is not None and a.best != a.chance for a in axes):
        return SHARE, np.array([abs((a.best or 0.0) - (a.chance or 0.0)) for a in axes])
    return SPREAD, np.array([max(float(np.std([p.y for p in cell.points], ddof=1)), 1e-300) for cell in cells])


def features_of(
    cell: Cell, scores: Mapping[str, Mapping[str, Column]], members: set[str], gains: Mapping[str, Mapping[str, Column]]
) -> Features:
    """Features of one (family, downstream task); a corpus stands in the name where the task was compared with several."""
    found: dict[tuple[str, str], float] = {}
    for by_metric in scores.values():
        for metric, column in by_metric.items():
            own = {i: [r for r in column[i] if of(r) == cell.downstream.task] for i in sorted(members & set(column))}
            kept = usable({identity: records for identity, records in own.items() if records})
            if not kept:
                continue
            values = {identity: mean_over_seeds(records).value for identity, records in kept.items()}
            value = change(values, cell) if metric in CHANGES else float(np.mean(list(values.values())))
            if value is not None:
                details = next(iter(kept.values()))[0].details or {}
                name = f"change of {metric}" if metric in CHANGES else metric
                found[name, details.get("corpus", "")] = value
    for probe, column in gains.get(cell.downstream.task, {}).items():
        kept = usable({identity: column[identity] for identity in sorted(members & set(column))})
        value = change({identity: mean_over_seeds(records).value for identity, records in kept.items()}, cell)
        if value is not None:
            found[PROBE_GAIN, probe] = value
    several = {name for name, _ in found if sum(other == name for other, _ in found) > 1}
    return {f"{name} ({corpus})" if name in several else name: value for (name, corpus), value in found.items()}


def probes_by_task(
    measured: Mapping[str, Mapping[str, Column]], contexts: Contexts, roles: Roles
) -> dict[str, dict[str, Column]]:
    """Fine-tuned task -> probe of the same labels -> its headline metric."""
    definitions = {task: definition(task, measured, contexts) for task in measured}
    probes = [task for task, found in definitions.items() if found.get("kind") == "probe"]
    return {
        task: {
            probe: measured[probe][axis_metrics(probe, measured, roles)[0]]
            for probe in probes
            if labels_of(definitions[probe]) == labels_of(found)
        }
        for task, found in definitions.items()
        if found.get("kind") == "finetune"
    }


def of(record: Record) -> str | None:
    """The downstream task that an affinity record speaks of."""
    return (record.details or {}).get("of")


def change(values: Mapping[str, float], cell: Cell) -> float | None:
    """Least-squares change of a score for one unit that the upstream metric gets better; None with too few checkpoints."""
    points = [(point.x, values[point.checkpoint]) for point in cell.points if point.checkpoint in values]
    if len({x for x, _ in points}) < FEWEST_CHECKPOINTS:
        return None
    x, y = np.array(points).T
    return float((x - x.mean()) @ (y - y.mean()) / np.sum((x - x.mean()) ** 2)) * rules.direction(cell.upstream)
