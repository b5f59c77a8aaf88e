"""What a measurement gives back: values with their errors, and the outcomes of single examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that one measurement found. ``stages`` holds the runs of a grid, each a measurement of its own."""

    values: tuple[Value, ...]
    tokens: int
    outcomes: tuple[Outcomes, ...] = ()
    warnings: tuple[str, ...] = ()
    partial: str | None = None
    selected: Mapping[str, Any] | None = None
