"""Charts as plain values, drawn twice from the same numbers: by matplotlib for files and by plotly for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.board.panels import GREY, Style

Dash = Literal["solid", "dash", "dot", "dashdot"]
NO_FAMILY = Style(GREY, "o", "circle")
"""How a checkpoint is drawn that no family lists."""
LOW, HIGH = "#f3f6f9", "#0b4f8a"
"""Ends of the scale of a heat map on white paper."""


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


@dataclass(frozen=True, slots=True)
class Axes:
    """What stands at both axes, and whether they are logarithmic."""

    x: str
    y: str
    x_log: bool = False
    y_log: bool = False


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
    """Shares in percent by row and column; None where there is nothing."""

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
