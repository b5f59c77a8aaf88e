"""One (upstream, task) over several families: the mean slope, what to expect of a new family, and whether they differ.

Never a line through all points: it can turn the sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from harness.slopes.analysis_of_covariance import Covariance, Test, analysis_of_covariance
from harness.slopes.cell import Axis, Fit
from harness.slopes.paule_mandel import Families, paule_mandel
from harness.slopes.welch import welch


@dataclass(frozen=True, slots=True)
class Comparison:
    """Families of one (upstream, task): random-effects mean of their transfer slopes, and whether they are equal.

    Attributes:
        names: of the families.
        families: in transfer-slope units (positive is good).
        covariance: straight lines through the points, in native units.
        average: Welch's test that the average slopes are equal.
        straight: every family has a straight line through checkpoints that are runs of their own, so that the F test of
            ``covariance`` holds; else that of ``average`` does.
        together: the slopes are averages over one window, or of straight lines, whose slope is the same over any.
    """

    names: tuple[str, ...]
    families: Families
    covariance: Covariance
    average: Test
    straight: bool
    together: bool

    @property
    def equal_slopes(self) -> Test:
        """The test of equal slopes that holds here."""
        return self.covariance.equal_slopes if self.straight else self.average


def with_comparisons(fits: Sequence[Fit]) -> list[Fit]:
    """Give every fitted cell of two or more families their comparison and its own shrunken slope."""
    groups: dict[tuple[Axis, Axis], list[int]] = {}
    for number, fit in enumerate(fits):
        if fit.transfer_slope is not None and fit.stderr:
            groups.setdefault((fit.cell.upstream, fit.cell.downstream), []).append(number)
    found = list(fits)
    for numbers in groups.values():
        if len(numbers) < 2:
            continue
        comparison = compare([fits[number] for number in numbers])
        for number, shrunken in zip(numbers, comparison.families.shrunken, strict=True):
            found[number] = replace(found[number], comparison=comparison, shrunken=float(shrunken))
    return found


def compare(fits: Sequence[Fit]) -> Comparison:
    """Compare two or more families' fits of one task."""
    slopes = np.array([float(fit.transfer_slope or 0.0) for fit in fits])
    stderrs = np.array([float(fit.stderr or 0.0) * fit.per for fit in fits])
    curved = [fit for fit in fits if fit.model != "linear"]
    return Comparison(
        names=tuple(fit.cell.family for fit in fits),
        families=at_least_common(paule_mandel(slopes, stderrs), stderrs),
        covariance=analysis_of_covariance([points(f) for f in fits]),
        average=welch(slopes, stderrs, np.array([float(fit.freedom or 1.0) for fit in fits])),
        straight=not curved and all(fit.n_runs == fit.n_points for fit in fits),
        together=not curved or len({fit.window for fit in curved}) == 1,
    )


def at_least_common(found: Families, stderrs: np.ndarray, level: float = 0.95) -> Families:
    """The mean's interval, no narrower than if all families had one slope and their errors were known exactly.

    Two or three families that happen to agree give Hartung and Knapp's interval next to no width, less than either
    family's own (Jackson et al. 2017, Statistics in Medicine 36, 3923).
    """
    half = float(ndtri(0.5 + level / 2) / np.sqrt(np.sum(1 / stderrs**2)))
    return replace(found, low=min(found.low, found.mean - half), high=max(found.high, found.mean + half))


def points(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """X and y of the points that counted."""
    left_out = dict(fit.excluded)
    kept = [point for point in fit.cell.points if point.name not in left_out]
    return np.array([point.x for point in kept]), np.array([point.y for point in kept])
