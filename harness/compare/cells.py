"""What two checkpoints of a folder were both measured on, and what may not be compared and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.errors import HarnessError, nearest
from harness.results import CheckpointInfo, Record, Store, differences
from harness.results.rows import Row
from harness.slopes.join import identities_by_name

Names = dict[tuple[str, str], dict[str, dict[str, dict[str, Row]]]]
"""(Task, metric), then signature, then checkpoint, then key, to the record."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A metric that both have under one signature; records by seed, those of one seed at the same place where it is shared.

    ``paired`` says whether they are; without seeds there is one record of each.
    """

    task: str
    metric: str
    first: tuple[Row, ...]
    second: tuple[Row, ...]
    paired: bool


@dataclass(frozen=True, slots=True)
class Apart:
    """A metric that is not compared, and why."""

    task: str
    metric: str
    reason: str


def checkpoint_named(store: Store, name: str) -> CheckpointInfo:
    """The checkpoint of a name, or of an identity or its beginning.

    Raises:
        HarnessError: there is none, or there are several; the message names the nearest.
    """
    by_name = identities_by_name(store.checkpoints)
    if name in by_name:
        return store.checkpoints[by_name[name]]
    found = [info for identity, info in store.checkpoints.items() if len(name) >= 6 and identity.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise HarnessError(f"{len(found)} checkpoints of {store.folder} begin with {name!r}; give more of it")
    raise HarnessError(f"no checkpoint {name!r} in {store.folder}; {nearest(name, by_name)}")


def cells(
    store: Store, first: CheckpointInfo, second: CheckpointInfo, tasks: Sequence[str]
) -> tuple[list[Shared], list[Apart]]:
    """Every metric that both have, in the order recorded: what is compared, and what is not.

    Raises:
        HarnessError: the two are one, no task is called so, or they share nothing that may be compared.
    """
    if first.identity == second.identity:
        raise HarnessError(f"{first.names[0]!r} and {second.names[-1]!r} are one checkpoint, {first.identity[:20]}")
    sides = (first, second)
    found = by_signature(store.records, {side.identity for side in sides})
    check_tasks(tasks, {task for task, _ in found}, sides)
    shared, apart = [], []
    for (task, metric), signatures in found.items():
        if tasks and not any(fnmatchcase(task, pattern) for pattern in tasks):
            continue
        cell = cell_of(store, (task, metric), signatures, sides)
        if isinstance(cell, Shared):
            shared.append(cell)
        elif cell is not None:
            apart.append(cell)
    if not shared:
        raise HarnessError(nothing_shared(found, sides, apart))
    return shared, apart


def by_signature(records: Iterable[Record | Row], identities: set[str]) -> Names:
    """The usable records of some checkpoints."""
    found: Names = {}
    for record in records:
        usable = record.stage == "selected" and record.error is None and record.value is not None
        if usable and record.checkpoint in identities:
            signatures = found.setdefault((record.task, record.metric), {})
            signatures.setdefault(record.signature, {}).setdefault(record.checkpoint, {})[record.key] = Row.of(record)
    return found


def check_tasks(tasks: Sequence[str], there: set[str], sides: Sequence[CheckpointInfo]) -> None:
    """Every pattern fits a task.

    Raises:
        HarnessError: one fits none; the message names the nearest.
    """
    for pattern in tasks:
        if not any(fnmatchcase(task, pattern) for task in there):
            names = " and ".join(side.names[0] for side in sides)
            raise HarnessError(f"no task {pattern!r} was measured on {names}; {nearest(pattern, there)}")


def cell_of(
    store: Store, name: tuple[str, str], signatures: dict[str, dict[str, dict[str, Row]]], sides: Sequence[CheckpointInfo]
) -> Shared | Apart | None:  # fmt: skip
    """One metric; None where only one of the two has it."""
    both = [found for found in signatures.values() if all(side.identity in found for side in sides)]
    if not both:
        newest = [[f[side.identity] for f in signatures.values() if side.identity in f][-1:] for side in sides]
        if not all(newest):
            return None
        return Apart(*name, other_signature(store, *(next(iter(found[0].values())) for found in newest)))
    first, second = (sorted(both[-1][side.identity].values(), key=lambda row: row.seed or 0) for side in sides)
    reason = may_not(first[0], second[0], sides)
    if reason is not None:
        return Apart(*name, reason)
    seeds = {row.seed for row in first} & {row.seed for row in second}
    if seeds:
        first, second = ([row for row in rows if row.seed in seeds] for rows in (first, second))
    return Shared(*name, tuple(first), tuple(second), bool(seeds))


def may_not(first: Row, second: Row, sides: Sequence[CheckpointInfo]) -> str | None:
    """Why two values of one signature may not be compared; None where they may."""
    tokenizers = {side.tokenizer for side in sides if side.tokenizer}
    if len(tokenizers) > 1 and "per token" in first.unit:
        return f"the two have different tokenizers, and {first.unit} counts other things under each; compare what is per byte"
    groups = [(row.details or {}).get("comparable_group") for row in (first, second)]
    if groups[0] != groups[1]:
        return f"it may be compared within one group alone, and the two are of {groups[0]} and {groups[1]}"
    return None


def other_signature(store: Store, first: Row, second: Row) -> str:
    """In which parts two signatures differ."""
    parts = [store.contexts.get(row.context, {}).get("parts", {}) for row in (first, second)]
    found = [f"{name}: {a!r} / {b!r}"[:120] for name, a, b in differences(*parts)]
    told = "; ".join(found[:3]) or "the contexts do not say in what"
    return f"measured in two ways ({told}); 'harness explain {first.key[:12]} {second.key[:12]} --in {store.folder}' tells all"


def nothing_shared(found: Names, sides: Sequence[CheckpointInfo], apart: Sequence[Apart]) -> str:
    """The message where nothing may be compared."""
    if apart:
        more = f"; and {len(apart) - 1} more" if len(apart) > 1 else ""
        return f"nothing to compare: {apart[0].task} {apart[0].metric}: {apart[0].reason}{more}"
    tasks = [
        sorted({task for (task, _), under in found.items() if any(side.identity in f for f in under.values())})
        for side in sides
    ]
    told = "; ".join(
        f"{side.names[0]} on {', '.join(there[:6]) or 'nothing'}" for side, there in zip(sides, tasks, strict=True)
    )
    return f"nothing to compare: the two share no task that was measured: {told}"
