"""Charts as plain values, drawn twice from the same numbers: by matplotlib for files and by plotly for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.board.panels import GREY, Style

Dash = Literal["solid", "dash", "dot", "dashdot"]
NO_FAMILY = Style(GREY, "o", "circle")
"""How a checkpoint is drawn that no family lists."""
LOW, HIGH = "#f3f6f9", "#0b4f8a"
"""Ends of the scale of a heat map on white paper."""
NARROW_STEPS = 5
"""Most steps between the ticks of an axis whose values are one, or nearly: two to six ticks."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line, its points in order.

    Attributes:
        x: Where.
        y: How much.
        errors: One standard error of each y; empty without.
        hover: What is shown on pointing at each; empty: nothing.
        style: Colour and shape.
        dash: Of the line.
        label: In the legend; empty: not there.
        group: Lines switched on and off together.
        points: Whether the points are marked.
        faint: Whether it stands behind the others.
        opacity: Of line and points; 1 hides what is behind.
        ringed: Which points, counted from 0, have a ring around them.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    style: Style
    errors: tuple[float, ...] = ()
    hover: tuple[tuple[str, ...], ...] = ()
    dash: Dash = "solid"
    label: str = ""
    group: str = ""
    points: bool = True
    faint: bool = False
    opacity: float = 1.0
    ringed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """What stands at both axes; one with ticks is logarithmic, and has them there; one without ends finds its own.

    ``x_step`` is from one number at a linear x axis to the next, from zero on; 0: it finds its own.
    """

    x: str
    y: str
    x_ticks: tuple[float, ...] = ()
    y_ticks: tuple[float, ...] = ()
    x_ends: tuple[float, float] | None = None
    y_ends: tuple[float, float] | None = None
    x_step: int = 0


@dataclass(frozen=True, slots=True)
class Curves:
    """Lines over one pair of axes."""

    axes: Axes
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """One colour of stacked bars: a share, in percent, and its standard error for each bar."""

    name: str
    colour: str
    shares: tuple[float, ...]
    errors: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars; shares below zero hang down."""

    axes: Axes
    labels: tuple[str, ...]
    stacks: tuple[Stack, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Shares in percent by row and column, None where there is nothing; ``of`` says what of."""

    of: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture: ``name`` is its file name without extension, ``lead`` and ``rest`` its heading, ``note`` a sentence."""

    name: str
    lead: str
    rest: str
    body: Curves | Bars | HeatMap
    note: str = ""

    @property
    def words(self) -> str:
        """What it shows, for who does not see it."""
        return f"{self.lead}: {self.rest}"


def narrow_ends(values: Sequence[float], errors: Sequence[float] = (), near: float = 0.1) -> tuple[float, float] | None:
    """Ends for an axis whose values are one, or nearly: a tenth or the errors to either side; None where they spread.

    Args:
        values: Of all points.
        errors: One standard error of each.
        near: How much of the largest they may differ by, at most a fifth.

    >>> narrow_ends([4.0, 5.0]), narrow_ends([5.0]), narrow_ends([5.0], [1.5])
    (None, (4.5, 5.5), (3.2, 6.8))
    """
    low, high = min(values), max(values)
    reach = max(abs(low), abs(high))
    if high - low > near * reach:
        return None
    middle = (low + high) / 2
    error = min(1.2 * max(errors, default=0.0), 0.6 * reach)  # a longer bar is cut off rather than reach zero
    side = max((high - low) / 2 + error, 0.1 * reach) or 1.0
    return middle - side, middle + side


def log_ticks(values: Iterable[float], ends: tuple[float, float] | None = None) -> tuple[float, ...]:
    """Round numbers for a logarithmic axis over values above zero: decades, or 1, 2 and 5 of each, or finer.

    Args:
        values: Above zero.
        ends: Of a narrow axis, which has a few.

    >>> log_ticks([20, 1600]), log_ticks([4.1, 8.2])
    ((20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0), (4.0, 5.0, 6.0, 7.0, 8.0))
    >>> log_ticks([0.001, 10.0]), log_ticks([3.0], (2.7, 3.3)), log_ticks([1447.0], (1302.0, 1592.0))
    ((0.001, 0.01, 0.1, 1.0, 10.0), (2.8, 3.0, 3.2), (1400.0, 1500.0))
    """
    if ends is not None:
        return round_numbers(*ends, NARROW_STEPS)
    found = list(values)
    pad = 1.02 * (max(found) / min(found)) ** 0.05
    low, high = min(found) / pad, max(found) * pad
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for steps in ((1.0,), (1.0, 2.0, 5.0), tuple(map(float, range(1, 10)))):
        ticks = [float(f"{step * 10.0**decade:.3g}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 4:
            return tuple(ticks[:: math.ceil(len(ticks) / 10)])
    return round_numbers(low, high, 8)


def round_numbers(low: float, high: float, most: int) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten, ``most`` steps of them at most.

    >>> round_numbers(2.28, 2.385, 8)
    (2.28, 2.3, 2.32, 2.34, 2.36, 2.38)
    """
    rough = (high - low) / most
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * decade for nice in (1, 2, 5, 10) if nice * decade >= rough)
    return tuple(float(f"{n * step:.6g}") for n in range(math.ceil(low / step), math.floor(high / step) + 1))
