"""Records that someone submits: are they whole and untouched, and does a random sample of them come out again?"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import stdev
from typing import Any

from harness.errors import HarnessError
from harness.evaluator import Evaluation
from harness.measures.kinds import has_seeds
from harness.plan import member_folder
from harness.request import Options, Request, from_suite
from harness.results import CheckpointInfo, Record, Store, differences, digest, key_of
from harness.specs import Task

ROUNDING = 1e-4
"""Share of a value that float32 sums in another order may move."""
NEGLIGIBLE = 0.1
"""Share of a standard error that changes no conclusion: a near tie, or a stopping rule that stops one step later."""
SPREADS = 3 * math.sqrt(2)
"""Difference of two draws, in standard deviations of one, that is exceeded once in 370 times."""
UNKNOWN = 0.05
"""Share of a value where nothing tells the spread of training."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A measurement to make again."""

    family: str
    name: str
    task: Task
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """One metric, submitted and measured again; ``fault`` says what is wrong, None where they agree."""

    task: str
    checkpoint: str
    metric: str
    submitted: float | None
    measured: float | None
    tolerance: float | None
    because: str
    fault: str | None


def faults(store: Store, records: Sequence[Record]) -> Iterator[str]:
    """What of some of a folder's records is not as the harness writes it, each kind of fault once with its first place."""
    found: dict[str, list[str]] = {}
    for record in records:
        for fault in record_faults(record, store):
            found.setdefault(fault, []).append(f"{record.metric} of {record.task}, key {record.key[:16]}")
    for fault, places in found.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield f"{fault}: {places[0]}{more}"
    theirs = {record.checkpoint for record in records}
    for info in (info for identity, info in store.checkpoints.items() if identity in theirs):
        if info.commit is None and info.made is None and all(Path(name).is_absolute() for name in info.names):
            yield f"nobody else can load {info.names[0]}: it is a folder of this machine; send it with 'harness push'"


def record_faults(record: Record, store: Store) -> Iterator[str]:
    """What is wrong with a record; the signature of a published one is all that is looked at."""
    context = store.contexts.get(record.context)
    if record.error is not None:
        yield "a measurement failed"
        return
    if context is None or record.checkpoint not in store.checkpoints:
        yield "its context or its checkpoint is missing"
        return
    if not (context.get("signature") == record.signature == digest(context["parts"])):
        yield "its signature is not that of what its context says"
    if "imported" in context["parts"]:
        return
    if digest({name: value for name, value in context.items() if name != "context"}) != record.context:
        yield "its context was changed"
    if record.key != key_of(record.signature, record.checkpoint, record.seed):
        yield "its key is not that of its signature, checkpoint and seed"
    if record.partial is not None:
        yield f"it is measured on a part of the data ({record.partial})"
    if record.value is None or not math.isfinite(record.value):
        yield "its value is no number"
    elif record.unit == "fraction" and not 0 <= record.value <= 1:
        yield "a fraction is not between 0 and 1"


def draw(folder: Path, store: Store, records: Sequence[Record], count: int, seed: int) -> tuple[list[Drawn], int]:
    """So many of the measurements of some records at random, and how many cannot be made again since their checkpoint was made and is not here.

    Raises:
        HarnessError: the suite has a fault, or nothing can be measured again.
    """
    request = from_suite(folder)
    identities = {name: info.identity for info in store.checkpoints.values() for name in info.names}
    found: list[Drawn] = []
    away = 0
    by_cell: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in records:
        if record.error is None and record.partial is None and record.stage == "selected":
            by_cell.setdefault((record.checkpoint, record.task), {}).setdefault(record.key, []).append(record)
    for family, name, task in request.cells():
        keys = by_cell.get((identities.get(name, ""), task.name), {})
        here = family not in request.made or (member_folder(folder, name) / "harness.json").is_file()
        away += 0 if here else len(keys)
        found += [Drawn(family, name, task, tuple(records)) for records in keys.values()] if here else []
    if count and not found:
        why = (
            f"{away} are of checkpoints that its suite makes and that are not in {folder / 'families'}; make them with "
            f"'harness run {folder}'"
            if away
            else "its suite names none of them, or all failed or are of a part of the data; --sample 0 checks the records alone"
        )
        raise HarnessError(f"{folder}: no measurement can be made again: {why}")
    once = list({one.records[0].key: one for one in found}.values())
    return random.Random(seed).sample(once, min(count, len(once))), away


def measure_again(folder: Path, store: Store, drawn: Drawn, options: Options) -> list[Again]:
    """Make a measurement again, in a folder of its own, and hold each metric against what was submitted."""
    first = drawn.records[0]
    parts = store.contexts[first.context]["parts"]
    request = from_suite(folder)
    name = str(member_folder(folder, drawn.name)) if drawn.family in request.made else drawn.name
    small = Request(
        families={drawn.family: (name,)}, tasks={drawn.task.name: drawn.task}, seeds=(1 if first.seed is None else first.seed,), roles=request.roles,
        suite={},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, Store.writing(Path(scratch)) as writer:
        Evaluation(small, Path(scratch), replace(options, dtype=parts["dtype"]), writer).all()
        again = {record.metric: record for record in writer.store.records if record.stage == "selected"}
        contexts = dict(writer.store.contexts)
    info = store.checkpoints[first.checkpoint]
    return [held_against(record, again, contexts, parts, info, drawn.task, store.records) for record in drawn.records]


def held_against(
    record: Record, again: Mapping[str, Record], contexts: Mapping[str, Mapping[str, Any]], parts: Mapping[str, Any],
    info: CheckpointInfo, task: Task, records: Sequence[Record],
) -> Again:  # fmt: skip
    """A submitted metric beside the same one measured again."""
    row = Again(record.task, info.names[0], record.metric, record.value, None, None, "", None)
    failed = again.get("error")
    if failed is not None:
        return replace(row, fault=f"could not be measured again: {failed.error}")
    other = next(iter(again.values()), None)
    if other is None or other.checkpoint != record.checkpoint:
        found = other.checkpoint if other else "nothing"
        return replace(row, fault=f"the checkpoint of this name is now {found}, not {record.checkpoint}")
    if other.key != record.key:
        told = ", ".join(name for name, _, _ in differences(parts, contexts[other.context]["parts"]))
        return replace(row, fault=f"it is measured otherwise now ({told}): measure with the present version")
    new = again.get(record.metric)
    if new is None or new.value is None or record.value is None:
        return replace(row, fault="it has no such metric now")
    allowed, because = tolerance(record, has_seeds(task), records)
    apart = abs(new.value - record.value)
    fault = f"{apart:.3g} apart, more than {allowed:.3g}" if not apart <= allowed else None
    return replace(row, measured=new.value, tolerance=allowed, because=because, fault=fault)


def tolerance(record: Record, trained: bool, records: Sequence[Record]) -> tuple[float, str]:
    """How far apart two honest values may lie, and why.

    Args:
        record: What was submitted.
        trained: Whether its value hangs on a seed, as fine-tuning does.
        records: All records of the folder: other seeds tell the spread.
    """
    value = abs(record.value or 0.0)
    if not trained:
        negligible = NEGLIGIBLE * (record.stderr or 0.0)
        return max(ROUNDING * value, negligible), (
            f"nothing is drawn anew: sums in another order move {ROUNDING:g} of the value, and {NEGLIGIBLE:g} standard errors "
            "change no conclusion"
        )
    seeds = [
        float(other.value) for other in records
        if (other.task, other.checkpoint, other.metric, other.stage, other.signature) == (
            record.task, record.checkpoint, record.metric, record.stage, record.signature)
        and other.error is None and other.value is not None
    ]  # fmt: skip
    start = "training repeats to the bit on one machine alone: 3 sqrt(2) times "
    if len(seeds) > 2 and stdev(seeds) > 0:
        return SPREADS * stdev(seeds), f"{start}the sd over {len(seeds)} seeds"
    if record.stderr:
        return (
            SPREADS * record.stderr,
            f"{start}the standard error over examples, as there are too few seeds to tell a spread",
        )
    return UNKNOWN * value, f"neither seeds nor examples tell a spread: {UNKNOWN:g} of the value"
