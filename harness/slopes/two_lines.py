"""Two groups of points on one line or two: are their lines parallel, and how far apart are they at equal x?

Analysis of covariance. On one line y = a + b x + c x G + d G, with G one in the second group. Parallel: c = 0. The offset is d at
the middle of the stretch of x that both groups have. Several lines at once have a, b and a middle each, and c and d in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.slopes.cluster_robust import Contrast, LinearModel, linear_model
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.reliability import ENOUGH, reliability_within

LEAST_POINTS = 3
"""Of each group on each line."""
BEND_POINTS = 8
"""From so many points on a line is asked whether it bends."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one line: x, y, the standard error of x (NaN where unknown), the group and the cluster, each (n,)."""

    x: Array
    y: Array
    x_stderr: Array
    second: npt.NDArray[np.bool_]
    cluster: tuple[str, ...]

    @property
    def shared(self) -> tuple[float, float]:
        """From the larger of the groups' least x to the lesser of their largest; the wrong way round where they share none."""
        groups = (self.x[self.second], self.x[~self.second])
        return max(float(x.min()) for x in groups), min(float(x.max()) for x in groups)


@dataclass(frozen=True, slots=True)
class TwoLines:
    """What two groups differ by, second less first, in native units.

    Attributes:
        slope: slope of the second less that of the first.
        offset: y of the second less that of the first at equal x, in the middle of ``shared``.
        shared: the stretch of x that both have; None over several lines.
        reliability: share of the spread of x within groups that is real, least of all lines; None where not known.
        bent: a line bends, and the bend is held fixed.
        residual: (n,) what the lines leave.
    """

    slope: Contrast
    offset: Contrast
    shared: tuple[float, float] | None
    reliability: float | None
    bent: bool
    residual: Array

    @property
    def parallel(self) -> bool:
        """Whether nothing speaks against one slope; else the offset is that at the middle alone."""
        return self.slope.p >= SIGNIFICANT


def two_lines(lines: Sequence[Points]) -> TwoLines:
    """Compare the two groups of points of one line, or of several together.

    Where x has a reliability below .98 within the groups, each x is drawn towards the mean of its group by that share
    (regression calibration, Fuller 1987): else the group with the better x would seem to lie off the line of the other.

    Raises:
        HarnessError: a group has fewer than three points on a line, the groups share no stretch of x, or there are too few
            points for the coefficients.

    >>> x = np.arange(6.0)
    >>> y = np.concatenate([2 * x, 2 * x + 5]) + 0.1 * np.tile([1, -1, -1, 1, 1, -1], 2)
    >>> points = Points(np.tile(x, 2), y, np.full(12, np.nan), np.repeat([False, True], 6), tuple("abcdefghijkl"))
    >>> found = two_lines([points])
    >>> round(found.offset.value, 3), found.parallel, found.shared
    (5.0, True, (0.0, 5.0))
    """
    for points in lines:
        check(points)
    reliable = [reliability_of(points) for points in lines]
    known = [share for share in reliable if share is not None]
    lines = [calibrated(points, share) for points, share in zip(lines, reliable, strict=True)]
    bends = [bend(points) for points in lines]
    apart = fitted(lines, bends, interaction=True)
    last = apart.coefficients.size - 1
    slope = apart.contrast(unit(last, last + 1))
    model = apart if slope.p < SIGNIFICANT else fitted(lines, bends, interaction=False)
    offset = model.contrast(unit(0, model.coefficients.size))
    shared = lines[0].shared if len(lines) == 1 else None
    return TwoLines(slope, offset, shared, min(known, default=None), any(bends), model.residual)


def check(points: Points) -> None:
    """Refuse what cannot be compared.

    Raises:
        HarnessError: which group has too few points, or that they share no stretch of x.
    """
    sizes = [int(np.sum(~points.second)), int(np.sum(points.second))]
    if min(sizes) < LEAST_POINTS:
        raise HarnessError(
            f"the groups have {sizes[0]} and {sizes[1]} points; each needs {LEAST_POINTS}: measure more checkpoints"
        )
    low, high = points.shared
    if low >= high:
        raise HarnessError(
            f"the groups share no stretch of the upstream value (the one ends at {high:.4g}, the other begins at {low:.4g}); "
            "measure checkpoints of both at equal upstream values"
        )


def reliability_of(points: Points) -> float | None:
    """1 - mean(s_x²) / variance of x within the groups; None where an error is not known."""
    groups = [np.flatnonzero(points.second == group) for group in (False, True)]
    return reliability_within(points.x, points.x_stderr, groups)


def means(points: Points) -> Array:
    """The mean x of each point's group."""
    first, second = (float(points.x[points.second == group].mean()) for group in (False, True))
    return np.where(points.second, second, first)


def calibrated(points: Points, share: float | None) -> Points:
    """The points with x as it is to be expected of what was measured.

    Raises:
        HarnessError: nothing of the spread of x is real.
    """
    if share is None or share >= ENOUGH:
        return points
    if share <= 0:
        raise HarnessError(
            "the upstream values differ by no more than their noise within the groups; measure them on more data, or "
            "checkpoints further apart"
        )
    middle = means(points)
    return replace(points, x=middle + share * (points.x - middle))


def bend(points: Points) -> bool:
    """Whether a common quadratic term is significant beside two lines."""
    if points.x.size < BEND_POINTS:
        return False
    model = fitted([points], [True], interaction=True)
    return model.contrast(unit(3, model.coefficients.size)).p < SIGNIFICANT


def fitted(lines: Sequence[Points], bends: Sequence[bool], *, interaction: bool) -> LinearModel:
    """Least squares of the offset (first column), of each line's own coefficients, and of the difference of slopes (last)."""
    sizes = [points.x.size for points in lines]
    total, start = sum(sizes), 0
    own: list[Array] = []
    from_middle = np.zeros(total)
    for points, curved in zip(lines, bends, strict=True):
        at = slice(start, start + points.x.size)
        from_middle[at] = points.x - sum(points.shared) / 2
        for power in range(3 if curved else 2):
            column = np.zeros(total)
            column[at] = from_middle[at] ** power
            own.append(column)
        start += points.x.size
    second = np.concatenate([points.second for points in lines]).astype(np.float64)
    columns = [second, *own, *([second * from_middle] if interaction else [])]
    labels = [label for points in lines for label in points.cluster]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    cluster = np.array([numbers[label] for label in labels], dtype=np.intp)
    return linear_model(np.column_stack(columns), np.concatenate([points.y for points in lines]), cluster)


def unit(place: int, size: int) -> Array:
    """One at a place, else zero."""
    return np.asarray(np.arange(size) == place, dtype=np.float64)
