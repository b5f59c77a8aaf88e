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


def side(cell: Cell, point: Point) -> str | None:
    """At which end a point lies: "floor", "ceiling", "floor upstream" or none.

    The floor is the point's own where its records tell one, else the chance of the metric. A score upstream has a floor too:
    there it says nothing of how good the checkpoint is.
    """
    down, up = cell.downstream, cell.upstream
    floor = down.chance if point.y_floor is None else point.y_floor
    if at_floor(down, point.y, point.y_stderr, floor):
        return "floor"
    if up.higher_is_better and at_floor(up, point.x, point.x_stderr, point.x_floor):
        return "floor upstream"
    sign = 1 if down.higher_is_better else -1
    noise = NOISES * (point.y_stderr or 0.0)
    return "ceiling" if down.best is not None and sign * (down.best - point.y) <= noise else None


def at_floor(axis: Axis, value: float, stderr: float | None, floor: float | None) -> bool:
    """Whether a value is no more than two standard errors better than its floor.

    >>> bleu = Axis("news", "bleu", "BLEU", True)
    >>> at_floor(bleu, 3.1, 0.4, 2.5), at_floor(bleu, 3.4, 0.4, 2.5), at_floor(bleu, 0.0, None, None)
    (True, False, False)
    """
    sign = 1 if axis.higher_is_better else -1
    return floor is not None and sign * (value - floor) <= NOISES * (stderr or 0.0)


def uncensored(cell: Cell) -> tuple[Cell, tuple[tuple[str, str], ...]]:
    """The cell without its censored points, and the names of those with the end they lie at.

    >>> axis = Axis("cola", "accuracy", "fraction", True, chance=0.691, best=1.0)
    >>> points = tuple(Point(n, n, n, None, x, y, None, 0.014) for n, x, y in [("a", 1.8, 0.8), ("b", 5.8, 0.691)])
    >>> uncensored(Cell("f", Axis("wiki", "loss", "nats per token", False), axis, points))[1]
    (('b', 'floor'),)
    """
    sides = [side(cell, point) for point in cell.points]
    left_out = tuple((point.name, end) for point, end in zip(cell.points, sides, strict=True) if end is not None)
    if not left_out:
        return cell, ()
    kept = tuple(point for point, end in zip(cell.points, sides, strict=True) if end is None)
    return replace(cell, points=kept), left_out
