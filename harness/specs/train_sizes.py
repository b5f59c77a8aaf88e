"""Train sizes as an axis of a suite: ``{name: mine/sst2, include: glue/sst2, train_rows: [500, 5000, full]}``.

Such an entry is one task for each size, ``mine/sst2@500`` and so on; what a suite says of ``mine/sst2`` it says of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.specs.model import Spec, models_in
from harness.specs.source import Source

FIELD = "train_rows"
FULL = "full"


def names_at_sizes(entry: str | Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Names of the tasks that an entry of a suite stands for, one of whose tasks has that name at any size.

    Raises:
        HarnessError: its train sizes are no list.
    """
    sizes = entry.get(FIELD) if isinstance(entry, Mapping) else None
    if sizes is not None and not isinstance(sizes, list | tuple):
        raise HarnessError(f"{name}: {FIELD} is {sizes!r}; expected a list such as [500, 5000, {FULL}]")
    return (name,) if sizes is None else tuple(f"{name}@{size}" for size in sizes)


def sizes_of(source: Source) -> tuple[int | str, ...]:
    """The train sizes of an entry.

    Raises:
        HarnessError: they are no list of whole numbers and ``full``, or one stands twice.
    """
    sizes = source.value[FIELD]
    place = source.place((FIELD,))
    if not isinstance(sizes, list) or not sizes:
        raise HarnessError(f"{place}: {FIELD} is {sizes!r}; expected a list such as [500, 5000, {FULL}]")
    for size in sizes:
        if size != FULL and (type(size) is not int or size < 1):
            raise HarnessError(f"{place}: {FIELD} names {size!r}; expected a number of rows, or {FULL} for all of them")
    if len(set(sizes)) != len(sizes):
        raise HarnessError(f"{place}: {FIELD} names a size twice: {sizes}")
    return tuple(sizes)


def holder_of(kind: type[Spec]) -> str | None:
    """The field of a kind whose settings tell how many rows are trained on; None for a kind that trains nothing."""
    holding = (name for name, field in kind.model_fields.items()
               if any(FIELD in model.model_fields for model in models_in(field.annotation)))  # fmt: skip
    return next(holding, None)


def at_size(
    spec: Source, size: int | str, kind: type[Spec], protocol: Callable[[str], Mapping[str, Any]]
) -> Source:  # fmt: skip
    """A task, its includes merged, trained on so many rows.

    Args:
        spec: the task; how many rows it trains on otherwise does not matter.
        size: rows, or ``full``.
        kind: the class of the task's kind.
        protocol: the fields of a shared training recipe, by its name.

    Raises:
        HarnessError: the kind trains nothing, another task's model is scored, or there are fewer rows.
    """
    place, holder = spec.place((FIELD,)), holder_of(kind)
    if holder is None or (kind.model_fields[holder].default is None and spec.value.get(holder) is None):
        raise HarnessError(f"{place}: a task of kind {spec.value['kind']} is trained on nothing; leave {FIELD} out")
    if spec.value.get("trained_on"):
        raise HarnessError(f"{place}: this task scores the model of {spec.value['trained_on']!r}; give {FIELD} there")
    rows = (spec.value.get("rows") or {}).get((spec.value.get("splits") or {}).get("train"))
    if isinstance(size, int) and isinstance(rows, int) and size > rows:
        raise HarnessError(f"{place}: {size:,} rows to train on, and the split has {rows:,}; {FULL} is all of them")
    given = spec.value.get(holder) or kind.model_fields[holder].default
    if isinstance(given, str) and size == FULL:
        return spec
    given = protocol(given) if isinstance(given, str) else given.definition() if isinstance(given, Spec) else given
    if not isinstance(given, Mapping):  # the check of the kind will say it
        return spec
    settings = {name: value for name, value in given.items() if name != FIELD}
    settings |= {FIELD: size} if size != FULL else {}
    return Source(spec.path, {**spec.value, holder: settings}, spec.places)
