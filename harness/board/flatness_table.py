"""The flatness table: every checkpoint with its loss, its flatness, and how far that is from the step before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.board.flatness_metrics import Group, group_of, headline_metrics, letters
from harness.board.flatness_spots import Spot
from harness.board.notation import NONE, fixed, number, value_unit, with_error, with_interval
from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.slopes.cell import Flag
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.paired import Paired, compare

AllDraws = Mapping[tuple[str, str], Draws]
"""Draws by key and metric."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column: a metric of a task, or how far it is from the step before."""

    task: str
    metric: str
    unit: str
    change: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """What stands in a cell; ``group`` is the letter of its comparability group where the column has several."""

    text: str
    under: str = ""
    title: str = ""
    sort: float | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class FlatnessRow:
    """One checkpoint."""

    name: str
    identity: str
    family: str
    run: str
    step: int | None
    loss: Value
    values: tuple[Value, ...]
    warnings: tuple[Flag, ...]


def heads(found: Sequence[Spot], tasks: Sequence[str], roles: Roles, draws: AllDraws) -> list[Head]:
    """The headline metrics of each task, and after one whose draws are kept the change since the step before."""
    made = []
    stepped = bool(previous_steps(found))
    for task in tasks:
        units = {metric: r.unit for spot in found for (t, metric), r in spot.values.items() if t == task}
        drawn = {
            metric for spot in found for (t, metric), r in spot.values.items() if t == task and (r.key, metric) in draws
        }
        for metric in headline_metrics(units, roles.headline.get(task)):
            made.append(Head(task, metric, value_unit(units[metric])))
            if stepped and metric in drawn:
                made.append(Head(task, metric, value_unit(units[metric]), change=True))
    return made


def flatness_rows(
    found: Sequence[Spot], columns: Sequence[Head], checkpoints: Mapping[str, CheckpointInfo], draws: AllDraws
) -> list[FlatnessRow]:
    """A row for every checkpoint."""
    before = previous_steps(found)
    marks = [
        letters(group_of(r, checkpoints.get(s.identity)) for s in found if (r := s.value(head.task, head.metric)))
        for head in columns
    ]
    rows = []
    for spot in found:
        earlier = before.get(spot.identity)
        values = tuple(
            change_value(spot, earlier, head, draws) if head.change else plain_value(spot, head, checkpoints, mark)
            for head, mark in zip(columns, marks, strict=True)
        )
        loss = Value(number(spot.loss), title=spot.loss_of, sort=spot.loss)
        rows.append(FlatnessRow(
            spot.name, spot.identity, spot.family, spot.run, spot.step, loss, values, tuple(warnings_of(spot)),
        ))  # fmt: skip
    return rows


def previous_steps(found: Sequence[Spot]) -> dict[str, Spot]:
    """For each checkpoint but the first of its run, the one of the step before."""
    runs: dict[str, list[Spot]] = {}
    for spot in found:
        if spot.step is not None:
            runs.setdefault(spot.run, []).append(spot)
    before = {}
    for run in runs.values():
        ordered = sorted(run, key=lambda spot: (spot.step or 0, spot.identity))
        for earlier, later in pairwise(ordered):
            if earlier.step != later.step:
                before[later.identity] = earlier
    return before


def plain_value(
    spot: Spot, head: Head, checkpoints: Mapping[str, CheckpointInfo], mark: Mapping[Group, str]
) -> Value:  # fmt: skip
    """A metric with its standard error."""
    record = spot.value(head.task, head.metric)
    if record is None or record.value is None:
        return Value(NONE)
    details = record.details or {}
    told = [head.unit, record.stderr_method or ""]
    if "interval" in details:
        told.append("95% interval {} to {}".format(*(number(float(end)) for end in details["interval"])))
    loss = details.get("nats_per_token")
    told += ["" if loss is None else f"loss on the same tokens {number(float(loss))}", comparable_words(record)]
    return Value(
        with_error(record.value, record.stderr), title="; ".join(text for text in told if text), sort=record.value,
        group=mark[group_of(record, checkpoints.get(spot.identity))],
    )  # fmt: skip


def comparable_words(record: Record) -> str:
    """Which others a value may be compared with."""
    across = (record.details or {}).get("comparable_across")
    words = {"one architecture": "of one architecture and tokenizer", "one tokenizer": "of one tokenizer"}.get(
        across or ""
    )
    return f"comparable between checkpoints {words}" if words else ""


def change_value(spot: Spot, earlier: Spot | None, head: Head, draws: AllDraws) -> Value:
    """How far a metric is from its value at the step before, on the draws that both have."""
    now = spot.value(head.task, head.metric)
    then = earlier.value(head.task, head.metric) if earlier is not None else None
    if now is None or then is None or earlier is None:
        return Value(NONE)
    try:
        found = compare(now, then, draws)
    except HarnessError as error:
        return Value(NONE, title=str(error))
    return Value(
        with_interval(found.difference, found.low, found.high, sign=True), ratio_words(found),
        f"step {spot.step} less step {earlier.step}, on {found.draws} draws of {found.clusters} documents that both have; "
        f"standard error {number(found.stderr, 2)}, unpaired {number(found.unpaired_stderr, 2)}", found.difference,
    )  # fmt: skip


def ratio_words(found: Paired) -> str:
    """'×0.72 [0.70, 0.75]'."""
    if found.ratio is None or found.ratio_low is None or found.ratio_high is None:
        return ""
    places = 2 if found.ratio_high - found.ratio_low > 0.02 else 3
    low, high = fixed(found.ratio_low, places), fixed(found.ratio_high, places)
    return f"×{fixed(found.ratio, places)} [{low}, {high}]"


def warnings_of(spot: Spot) -> list[Flag]:
    """What the measurements of a checkpoint warn of: the first words of each warning, and in full with its tasks."""
    found: dict[str, dict[str, None]] = {}
    for (task, _), record in spot.values.items():
        for warning in record.warnings:
            found.setdefault(warning.split(":")[0], {})[f"{task}: {warning}"] = None
    return [Flag(code, "; ".join(texts)) for code, texts in found.items()]


def draws_wanted(records: Iterable[Record], tasks: Sequence[str]) -> set[tuple[str, str]]:
    """The draws that the table asks for, by key and metric."""
    return {(r.key, r.metric) for r in records if r.task in tasks and r.error is None}
