"""The numbers of a long table, each once: an upstream value repeated on many rows, a metric for several upstream names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.results import metric_names
from harness.results.table_rows import Row

Name = tuple[str, str]
"""Family and checkpoint as the table has them: one name in two families is two checkpoints."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the table and where it stands; ``named`` is the name that says its direction and unit."""

    line: int
    checkpoint: Name
    task: str
    metric: str
    named: str
    value: float
    stderr: float | None
    n: int | None


def metric_of_upstream(upstream_name: str) -> str:
    """What the metric of an upstream value is called: "loss" for a loss, else the word that names it.

    >>> metric_of_upstream("c4_val_ce"), metric_of_upstream("general_domain_dev_bleu"), metric_of_upstream("x")
    ('loss', 'bleu', 'x')
    """
    found = metric_names.words(upstream_name)
    if set(found) & metric_names.NATS:
        return "loss"
    known = [word for word in found if word in metric_names.HIGHER_IS_BETTER | metric_names.LOWER_IS_BETTER]
    return known[-1] if known else upstream_name


def upstream_numbers(path: Path, rows: Sequence[Row]) -> list[Number]:
    """The upstream value of each (checkpoint, upstream name), which a long table repeats on many rows.

    Raises:
        HarnessError: it is not the same on all of them.
    """
    found: dict[tuple[Name, str], Row] = {}
    for row in rows:
        if row.upstream is None:
            continue
        first = found.setdefault(((row.family, row.checkpoint), row.upstream_name), row)
        if (first.upstream, first.upstream_stderr) != (row.upstream, row.upstream_stderr):
            raise HarnessError(
                f"{path}:{row.line}: {row.upstream_name} of {row.checkpoint} is {told(row)} and on line {first.line} "
                f"{told(first)}; one checkpoint has one upstream value"
            )
    return [
        Number(row.line, name, row.upstream_name, metric_of_upstream(row.upstream_name), row.upstream_name,
               row.upstream, row.upstream_stderr, None)
        for (name, _), row in found.items()
        if row.upstream is not None
    ]  # fmt: skip


def told(row: Row) -> str:
    """An upstream value in words."""
    return f"{row.upstream}" if row.upstream_stderr is None else f"{row.upstream} +- {row.upstream_stderr}"


def downstream_numbers(path: Path, rows: Sequence[Row]) -> list[Number]:
    """The value of each (checkpoint, task, metric); rows for another upstream name may repeat it.

    Raises:
        HarnessError: a row stands twice.
    """
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = seen.setdefault((row.family, row.checkpoint, row.upstream_name, row.task, row.metric), row.line)
        if first != row.line:
            raise HarnessError(
                f"{path}:{row.line}: {row.metric} of {row.task} for {row.checkpoint} stands already on line {first}; "
                "remove one, or tell two checkpoints apart by their names"
            )
    return [
        Number(row.line, (row.family, row.checkpoint), row.task, row.metric, row.metric, row.value, row.value_stderr,
               row.n_items)
        for row in rows
        if row.value is not None
    ]  # fmt: skip


def without_repeats(path: Path, numbers: Sequence[Number]) -> Sequence[Number]:
    """Each number once.

    Raises:
        HarnessError: two values of one metric of one checkpoint.
    """
    found: dict[tuple[Name, str, str], Number] = {}
    for number in numbers:
        first = found.setdefault((number.checkpoint, number.task, number.metric), number)
        if first.value != number.value:
            raise HarnessError(
                f"{path}:{number.line}: {number.metric} of {number.task} for {number.checkpoint[1]} is "
                f"{number.value:g} and on line {first.line} {first.value:g}; keep the right one"
            )
    return list(found.values())
