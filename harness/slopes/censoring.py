"""Points at the floor or the ceiling of a metric say where it ends, not how it follows the loss: left out by rule."""

from __future__ import annotations

from dataclasses import replace

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.curves.base import Scale

NOISES = 2.0
"""Within two standard errors of chance, or of a perfect score, a point is censored."""


def scale_of(axis: Axis) -> Scale:
    """The range of a metric, from its lowest to its highest value.

    >>> scale_of(Axis("t", "error", "fraction", False, chance=0.75, best=0.0))
    Scale(low=0.0, high=0.75)
    """
    return Scale(axis.chance, axis.best) if axis.higher_is_better else Scale(axis.best, axis.chance)


def side(axis: Axis, point: Point) -> str | None:
    """At which end a point lies: "floor", "ceiling" or neither."""
    noise = NOISES * (point.y_stderr or 0.0)
    sign = 1 if axis.higher_is_better else -1
    if axis.chance is not None and sign * (point.y - axis.chance) <= noise:
        return "floor"
    return "ceiling" if axis.best is not None and sign * (axis.best - point.y) <= noise else None


def uncensored(cell: Cell) -> tuple[Cell, tuple[tuple[str, str], ...]]:
    """The cell without its censored points, and the names of those with the end they lie at.

    >>> axis = Axis("cola", "accuracy", "fraction", True, chance=0.691, best=1.0)
    >>> points = tuple(Point(n, n, n, None, x, y, None, 0.014) for n, x, y in [("a", 1.8, 0.8), ("b", 5.8, 0.691)])
    >>> uncensored(Cell("f", Axis("wiki", "loss", "nats per token", False), axis, points))[1]
    (('b', 'floor'),)
    """
    sides = [side(cell.downstream, point) for point in cell.points]
    left_out = tuple((point.name, end) for point, end in zip(cell.points, sides, strict=True) if end is not None)
    if not left_out:
        return cell, ()
    kept = tuple(point for point, end in zip(cell.points, sides, strict=True) if end is None)
    return replace(cell, points=kept), left_out
