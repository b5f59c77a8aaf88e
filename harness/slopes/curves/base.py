"""What every curve is: a transformation of the metric, and shapes that enter linearly once their bend is fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of a metric, from its lowest to its highest value: one end is chance, the other a perfect model's.

    An accuracy lies between chance and 1, an error between 0 and 1 - chance; None where an end is not known.
    """

    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        """Whether both ends are."""
        return self.low is not None and self.high is not None


class Curve(Protocol):
    """One entry of the menu: g(y) = b_0 + sum_j b_j z_j(x; theta), with the few theta on a grid.

    For a fixed theta the curve is linear in b, so that least squares and leaving out a run have closed forms; the
    best theta is looked for on the grid (separable least squares, Golub and Pereyra 1973).
    """

    @property
    def name(self) -> str:
        """What it is called, such as "sigmoid"."""

    @property
    def formula(self) -> str:
        """The curve written out."""

    @property
    def parameters(self) -> int:
        """How many are fitted, shape included."""

    @property
    def least_levels(self) -> int:
        """How many distinct x it takes before this curve is tried."""

    @property
    def least_points(self) -> int:
        """And how many points."""

    @property
    def bounded(self) -> bool:
        """Whether it needs both ends of the metric's range."""

    @property
    def linked(self) -> bool:
        """Whether g is other than the metric itself."""

    def __hash__(self) -> int:
        """Curves are keys of caches."""

    def proper(self, y: Array, scale: Scale) -> bool:
        """Whether these values can stand on this curve."""

    def thetas(self, x: Array) -> Array:
        """Grid of shapes for these x, (K, q)."""

    def between(self, x: Array, thetas: Array) -> Array:
        """Shapes (K', q) about some nodes of the grid and closer than it; none where the grid is fine enough."""

    def basis(self, x: Array, thetas: Array) -> Array:
        """z_j(x_i; theta_k), (K, m, c)."""

    def forward(self, y: Array, scale: Scale) -> Array:
        """g(y), of y's shape."""

    def backward(self, g: Array, scale: Scale) -> Array:
        """The metric back from g."""

    def weights(self, y: Array, scale: Scale) -> Array:
        """(dy/dg)² at y, up to a factor: the weight that a point has on the metric's own scale."""


def named(name: str) -> Curve:
    """The curve of the menus that is called so."""
    from harness.slopes.curves import LOSSES, SCORES, SHARES

    return next(curve for curve in (*LOSSES, *SHARES, *SCORES) if curve.name == name)


class Untransformed:
    """A curve whose metric is fitted as it is."""

    name: str
    bounded = False
    linked = False
    least_points = 3

    def __reduce__(self) -> tuple[Callable[[str], Curve], tuple[str]]:
        """A pickled curve is the menu's own again: curves are told apart by identity."""
        return named, (self.name,)

    def between(self, x: Array, thetas: Array) -> Array:
        """None: one shape is all, or the grid is fine enough."""
        return thetas[:0]

    def proper(self, y: Array, scale: Scale) -> bool:
        """Any value will do."""
        return True

    def forward(self, y: Array, scale: Scale) -> Array:
        """The metric itself."""
        return y

    def backward(self, g: Array, scale: Scale) -> Array:
        """The metric itself."""
        return g

    def weights(self, y: Array, scale: Scale) -> Array:
        """All alike."""
        return np.ones_like(y)


def unit_window(x: Array) -> tuple[float, float]:
    """Where the window begins and how wide it is: grids are laid out over (x - start) / width."""
    start, width = float(x.min()), float(np.ptp(x))
    return start, width if width > 0 else 1.0
