"""One conclusion under each option of a choice: does its sign hold, and its rank among the other tasks?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.slopes.cell import Fit


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice and the fit under it.

    ``shift`` is the mean of the metric under this option less that as measured, over the checkpoints that both have,
    in the metric's unit; None where the option changes no value of the metric.
    """

    name: str
    fit: Fit
    shift: float | None = None

    @property
    def sign(self) -> int | None:
        """+1 or -1 where the interval of the transfer slope excludes zero, 0 where not; None for a refused fit."""
        interval = self.fit.interval
        if interval is None:
            return None
        return 1 if interval.low > 0 else -1 if interval.high < 0 else 0


@dataclass(frozen=True, slots=True)
class Flip:
    """A task stands above another under one option and below it under another, intervals apart under both."""

    other: str
    above: str
    below: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One downstream metric of one family under every option of a choice; ``upstream`` is "" where that is the choice."""

    choice: str
    family: str
    upstream: str
    task: str
    metric: str
    options: tuple[Option, ...]
    flips: tuple[Flip, ...] = ()

    @property
    def sign(self) -> str:
        """What becomes of the sign: "holds", "turns", "fades" (undecided under some) or "undecided"; refused fits apart."""
        signs = {option.sign for option in self.options} - {None}
        if {-1, 1} <= signs:
            return "turns"
        return "fades" if len(signs) > 1 else "undecided" if signs == {0} else "holds"


@dataclass(frozen=True, slots=True)
class Order:
    """How alike two options order the tasks of one unit: Kendall's tau of their transfer slopes, in [-1, 1]."""

    choice: str
    family: str
    upstream: str
    unit: str
    first: str
    second: str
    tasks: int
    tau: float


Measure = tuple[str, str]
"""A downstream task and metric."""


def compared(
    choice: str, family: str, upstream: str, measures: Mapping[Measure, Sequence[Option]]
) -> tuple[list[Sensitivity], list[Order]]:
    """Hold the options of a choice against one another, for the tasks of one family.

    Args:
        choice: what is chosen, in words.
        family: whose fits these are.
        upstream: the upstream task, "" where the options are upstream tasks.
        measures: for each downstream metric its options; one with fewer than two that could be fitted is left out.

    Returns:
        An answer for each downstream metric, and for each unit and pair of options how alike the orders are.
    """
    asked = {measure: tuple(options) for measure, options in measures.items() if fitted(options) > 1}
    flips: dict[Measure, list[Flip]] = {measure: [] for measure in asked}
    orders = []
    for unit in dict.fromkeys(options[0].fit.cell.downstream.unit for options in asked.values()):
        fits = {
            measure: {o.name: o.fit for o in options if o.fit.interval is not None}
            for measure, options in asked.items()
            if options[0].fit.cell.downstream.unit == unit
        }
        names = dict.fromkeys(name for found in fits.values() for name in found)
        for first, second in combinations(names, 2):
            shared = {measure: found for measure, found in fits.items() if first in found and second in found}
            if len(shared) < 2:
                continue
            tau = kendall_tau(*([slope_of(f[name]) for f in shared.values()] for name in (first, second)))
            orders.append(Order(choice, family, upstream, unit, first, second, len(shared), tau))
            for measure, flip in flips_between(shared, first, second):
                flips[measure].append(flip)
    answers = [Sensitivity(choice, family, upstream, *m, o, tuple(flips[m])) for m, o in asked.items()]
    return answers, orders


def fitted(options: Sequence[Option]) -> int:
    """How many of the options could be fitted."""
    return sum(option.sign is not None for option in options)


def flips_between(
    fits: Mapping[Measure, Mapping[str, Fit]], first: str, second: str
) -> Iterable[tuple[Measure, Flip]]:  # fmt: skip
    """Each pair of tasks that changes places between two options, told of both."""
    for a, b in combinations(fits, 2):
        before, after = place(fits[a][first], fits[b][first]), place(fits[a][second], fits[b][second])
        if before * after < 0:
            above, below = (first, second) if before > 0 else (second, first)
            yield a, Flip(" ".join(b), above, below)
            yield b, Flip(" ".join(a), below, above)


def place(one: Fit, other: Fit) -> int:
    """+1 where the first slope's interval lies above the second's, -1 where below, 0 where they overlap."""
    assert one.interval is not None and other.interval is not None, "asked of fitted cells alone"
    if one.interval.low > other.interval.high:
        return 1
    return -1 if one.interval.high < other.interval.low else 0


def slope_of(fit: Fit) -> float:
    """The transfer slope of a fitted cell."""
    return math.nan if fit.transfer_slope is None else fit.transfer_slope


def kendall_tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Pairs in the same order less pairs in the opposite one, as a share of all pairs (Kendall's tau-a).

    >>> kendall_tau([1, 2, 3], [10, 30, 20])
    0.3333333333333333
    """
    first, second = np.triu_indices(len(a), 1)
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return float(np.mean(np.sign((x[first] - x[second]) * (y[first] - y[second]))))
