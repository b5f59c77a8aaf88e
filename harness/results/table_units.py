"""The unit of every measure of a long table, task by task; fractions and percents under one name are refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.results import floors, metric_names

if TYPE_CHECKING:
    from harness.results.table_numbers import Number


def units_of(path: Path, numbers: Sequence[Number]) -> dict[tuple[str, str], str]:
    """(task, name of the metric) to its unit.

    Raises:
        HarnessError: fractions and percents under one metric of a task, or an accuracy that is neither.
    """
    found: dict[tuple[str, str], list[Number]] = {}
    for number in numbers:
        found.setdefault((number.task, number.named), []).append(number)
    units = {}
    for (task, named), ours in found.items():
        units[task, named] = unit = metric_names.unit(named, [number.value for number in ours])
        if unit == "percent":
            check_percents(path, ours)
        if floors.is_accuracy(named):
            check_shares(path, ours)
    return units


def check_percents(path: Path, numbers: Sequence[Number]) -> None:
    """Refuse a mixture of fractions and percents.

    Raises:
        HarnessError: a value lies between 0 and 1, and another above.
    """
    small = next((number for number in numbers if 0 < abs(number.value) <= 1), None)
    if small is None:
        return
    large = next(number for number in numbers if abs(number.value) > 1)
    raise HarnessError(
        f"{path}:{small.line}: {small.metric} of {small.task} is {small.value:g} here and {large.value:g} on line "
        f"{large.line}: fractions and percents under one name; write them all as fractions"
    )


def check_shares(path: Path, numbers: Sequence[Number]) -> None:
    """Refuse an accuracy or error rate that is no share.

    Raises:
        HarnessError: a value is below 0, or an accuracy above 100.
    """
    for number in numbers:
        if number.value < 0 or (number.value > 100 and metric_names.higher_is_better(number.named)):
            raise HarnessError(
                f"{path}:{number.line}: {number.metric} of {number.task} is {number.value:g}; expected a share between 0 "
                "and 1, or between 0 and 100 percent"
            )
