"""What a measurement gives back: values with their errors, and the outcomes of single examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Value:
    """One metric. ``stderr`` is None where none can be given, and ``stderr_method`` then says why."""

    metric: str
    value: float
    stderr: float | None
    stderr_method: str
    n: int
    unit: str
    higher_is_better: bool
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcomes of single examples of one metric: four arrays of one length."""

    metric: str
    row: np.ndarray
    cluster: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray

    def columns(self) -> dict[str, Any]:
        """As the store takes them."""
        return {name: getattr(self, name) for name in self.__slots__}


def check_finite(found: Measurement) -> None:
    """Refuse a measurement that no record can hold, while what it took can still be told.

    Raises:
        HarnessError: a value, an error or a detail is infinite or not a number.
    """
    for value in found.values:
        for part in ("value", "stderr", "details"):
            for place, number in numbers_in(getattr(value, part), part):
                if not math.isfinite(number):
                    raise HarnessError(
                        f"{place} of {value.metric} is {number}; a record holds finite numbers. Look for weights or a loss of "
                        "extreme size, or measure on more text"
                    )


def numbers_in(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """All floating numbers in nested mappings and lists, each with where it stands.

    >>> list(numbers_in({"a": [1.5, None], "b": "c"}, "details"))
    [('details.a', 1.5)]
    """
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for name, inside in value.items():
            yield from numbers_in(inside, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from numbers_in(inside, place)


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that one measurement found.

    ``texts`` are lines on what the model wrote, one a segment: kept beside the records and never in them.
    """

    values: tuple[Value, ...]
    tokens: int
    outcomes: tuple[Outcomes, ...] = ()
    warnings: tuple[str, ...] = ()
    partial: str | None = None
    selected: Mapping[str, Any] | None = None
    texts: tuple[Mapping[str, Any], ...] = ()
