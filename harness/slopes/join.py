"""Records, checkpoints and roles become cells: what was measured meets what it is for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError, nearest
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.before_after import own_metrics
from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.comparable import reasons

Column = dict[str, list[Record]]
"""Checkpoint identity to the records of one (task, metric)."""
Members = dict[str, str]
"""Checkpoint identity to the name under which a family lists it."""


def join(records: Iterable[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles) -> list[Cell]:
    """Every line there is to fit: family x upstream task x metric of a downstream task.

    Selected records without error count. x is the upstream task's headline metric (``roles.headline``, else the first
    one recorded), or each of ``roles.predictors``; y every metric of every downstream task but the upstream one itself,
    the headline metric first. A score may be fitted on a loss of its own task where ``roles.predictors`` names that loss.
    What stands beside a metric of an adapted model (``before_after.py``) is no y: its value before, and other domains.
    A value measured under several seeds is their mean (see ``mean_over_seeds``). Checkpoints without x or without y
    are left out. A cell is made where the family has any y and any x; a family without any x has one cell for
    each y, to be refused rather than missing.

    Raises:
        HarnessError: a headline metric that was not recorded, or two records of one key and metric that differ.
    """
    table = columns(records, set(roles.upstream) | set(roles.downstream))
    by_name = identities_by_name(checkpoints)
    upstream = {task: predictors(task, table, roles) for task in roles.upstream}
    downstream = {task: own_metrics(axis_metrics(task, table, roles)) for task in roles.downstream}
    chances = {
        (task, metric): chance_of(column) for task, metrics in table.items() for metric, column in metrics.items()
    }
    cells = []
    for family, names in roles.families.items():
        members: Members = {}
        for name in names:
            if name in by_name:
                members.setdefault(by_name[name], name)
        x_columns = [
            series(task, metric, table, chances, members, several=len(upstream[task]) > 1)
            for task in upstream
            for metric in upstream[task]
        ]
        x_columns = [x for x in x_columns if x.values] or x_columns[:1]
        y_columns = [
            series(task, metric, table, chances, members) for task in downstream for metric in downstream[task]
        ]
        cells += [
            cell_of(family, x, y, members, checkpoints)
            for x in x_columns
            for y in y_columns
            if y.values and (x.axis.task != y.axis.task or on_own_loss(x.axis, y.axis, roles))
        ]
    return cells


def predictors(task: str, table: Mapping[str, Mapping[str, Column]], roles: Roles) -> list[str]:
    """The metrics of an upstream task that slopes are fitted on.

    Raises:
        HarnessError: the suite names one that no record of the task has.
    """
    recorded = list(table.get(task, ()))
    wanted = roles.predictors.get(task)
    if not wanted or not recorded:
        return axis_metrics(task, table, roles)[:1]
    for metric in wanted:
        if metric not in recorded:
            raise HarnessError(f"the predictor {metric!r} of {task} was not recorded; {nearest(metric, recorded)}")
    return list(wanted)


def on_own_loss(upstream: Axis, downstream: Axis, roles: Roles) -> bool:
    """Whether a score may be fitted on this loss of its own task: the suite names the loss as a predictor.

    >>> loss, bleu = Axis("news", "nats_per_token", "nats per token", False), Axis("news", "bleu", "BLEU", True)
    >>> asked = Roles(("news",), (), ("news",), {}, predictors={"news": ("nats_per_token",)})
    >>> on_own_loss(loss, bleu, asked), on_own_loss(bleu, loss, asked), on_own_loss(loss, bleu, Roles((), (), (), {}))
    (True, False, False)
    """
    losses = [axis.unit.startswith(("nats", "bits")) for axis in (upstream, downstream)]
    return losses == [True, False] and upstream.metric in roles.predictors.get(upstream.task, ())


def columns(records: Iterable[Record], tasks: set[str]) -> dict[str, dict[str, Column]]:
    """Task, then metric in the order recorded, then checkpoint, to its usable records."""
    table: dict[str, dict[str, Column]] = {}
    for record in records:
        if record.task in tasks and record.stage == "selected" and record.error is None and record.value is not None:
            column = table.setdefault(record.task, {}).setdefault(record.metric, {})
            column.setdefault(record.checkpoint, []).append(record)
    return table


def identities_by_name(checkpoints: Mapping[str, CheckpointInfo]) -> dict[str, str]:
    """A name to the identity it stands for now: the newest, where a branch moved or a family was made anew."""
    return {name: identity for identity, info in checkpoints.items() for name in info.names}


def axis_metrics(task: str, table: Mapping[str, Mapping[str, Column]], roles: Roles) -> list[str]:
    """The metrics recorded for a task, its headline first; empty when nothing was.

    Raises:
        HarnessError: the headline names a metric that no record of the task has.
    """
    metrics = list(table.get(task, ()))
    headline = roles.headline.get(task)
    if headline is None or not metrics:
        return metrics
    if headline not in metrics:
        raise HarnessError(f"headline metric {headline!r} of {task} was not recorded; {nearest(headline, metrics)}")
    return [headline, *(metric for metric in metrics if metric != headline)]


@dataclass(frozen=True, slots=True)
class Mean:
    """One checkpoint's value on one axis: the mean over its seeds, the standard error of that mean, and its floor."""

    value: float
    stderr: float | None
    seeds: int
    partial: bool
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One axis for one family: a value per checkpoint, and why they may not share the axis (empty: they may)."""

    axis: Axis
    values: Mapping[str, Mean]
    records: Mapping[str, Sequence[Record]]


def series(
    task: str, metric: str, table: Mapping[str, Mapping[str, Column]], chances: Mapping[tuple[str, str], float | None],
    members: Members, *, several: bool = False,
) -> Series:  # fmt: skip
    """The values of a family's checkpoints on one axis."""
    column = table[task][metric]
    kept = usable({identity: column[identity] for identity in members if identity in column})
    first = next(iter(kept.values()), next(iter(column.values())))[0]
    axis = Axis(task, metric, first.unit, first.higher_is_better, chances[task, metric], best_of(first), several)
    return Series(axis, {identity: mean_over_seeds(found) for identity, found in kept.items()}, kept)


def chance_of(column: Column) -> float | None:
    """What a predictor gets that has learned nothing, where every record that says so says the same to a thousandth."""
    found = [r.details["chance"] for records in column.values() for r in records if r.details and "chance" in r.details]
    known = [float(value) for value in found if value is not None]
    return known[0] if known and max(known) - min(known) < 1e-3 else None


def best_of(record: Record) -> float | None:
    """What the best predictor gets, where it is known; else a perfect one on a bounded metric: 1, 100 percent, a BLEU of 100, no error."""
    if record.details and record.details.get("bayes") is not None:
        return float(record.details["bayes"])
    highest = {"fraction": 1.0, "correlation": 1.0, "percent": 100.0, "points": 100.0, "BLEU": 100.0}.get(record.unit)
    return highest if record.higher_is_better or highest is None else 0.0


def usable(column: Column) -> Column:
    """Leave out what a newer or a whole measurement of the same checkpoints stands in for.

    Records of an older version of the task go once the newest version has been measured on every checkpoint here;
    a checkpoint's partial records go where it has whole ones.
    """
    newest = max((record.task_version for found in column.values() for record in found), default=0)
    current = {i: [record for record in found if record.task_version == newest] for i, found in column.items()}
    if all(current.values()):
        column = current
    return {i: [record for record in found if record.partial is None] or found for i, found in column.items()}


def mean_over_seeds(records: Sequence[Record]) -> Mean:
    """Mean of S seeds, with standard error sqrt(mean(e_s²) + sd²/S).

    The test items are the same for every seed, so their error e_s does not shrink with S; the spread between seeds,
    sd (n-1), does. With one seed only e_s is known; where no e_s is, only the spread; None when neither.

    Raises:
        HarnessError: two records of one measurement that differ.
    """
    by_key: dict[str, Record] = {}
    for record in records:
        other = by_key.setdefault(record.key, record)
        if other is not record and other.value != record.value:  # one NaN differs from itself
            raise HarnessError(
                f"{record.task} {record.metric} of {record.checkpoint} is recorded twice under key {record.key[:12]}, "
                f"as {other.value} and {record.value}; keep one of the two results"
            )
    found = list(by_key.values())
    values = [record.value for record in found if record.value is not None]
    mean = sum(values) / len(values)
    squares = [record.stderr**2 for record in found if record.stderr is not None]
    variance = sum(squares) / len(squares) if squares else 0.0
    if len(values) > 1:
        variance += sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)
    known = bool(squares) or len(values) > 1
    partial = any(record.partial is not None for record in found)
    return Mean(mean, math.sqrt(variance) if known else None, len(values), partial, floor_of(found))


def floor_of(records: Sequence[Record]) -> float | None:
    """The worst that these records say they could have been without the task being learned; None where none says so."""
    found = [float(r.details["floor"]) for r in records if r.details and r.details.get("floor") is not None]
    if not found:
        return None
    return max(found) if records[0].higher_is_better else min(found)


def cell_of(family: str, x: Series, y: Series, members: Members, checkpoints: Mapping[str, CheckpointInfo]) -> Cell:
    """The points where both axes have a value, in the order the family lists them."""
    shared = [identity for identity in members if identity in x.values and identity in y.values]
    points = tuple(point_of(checkpoints[i], members[i], x.values[i], y.values[i]) for i in shared)
    infos = [checkpoints[identity] for identity in shared]
    found = reasons(infos, [([r for i in shared for r in axis.records[i]]) for axis in (x, y)])
    return Cell(family, x.axis, y.axis, points, " ".join(found) or None)


def point_of(info: CheckpointInfo, name: str, x: Mean, y: Mean) -> Point:
    """One checkpoint in one cell."""
    return Point(
        checkpoint=info.identity,
        name=name,
        run=info.run,
        step=info.step,
        x=x.value,
        y=y.value,
        x_stderr=x.stderr,
        y_stderr=y.stderr,
        seeds=y.seeds,
        partial=x.partial or y.partial,
        x_floor=x.floor,
        y_floor=y.floor,
    )
