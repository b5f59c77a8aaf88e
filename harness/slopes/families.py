"""One (upstream, task) over several families: the mean slope, what to expect of a new family, and whether they differ.

Never a line through all points: it can turn the sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.slopes.analysis_of_covariance import Covariance, analysis_of_covariance
from harness.slopes.cell import Axis, Fit
from harness.slopes.paule_mandel import Families, paule_mandel


@dataclass(frozen=True, slots=True)
class Comparison:
    """Families of one (upstream, task): random-effects mean of their transfer slopes, and F tests of equal lines.

    ``families`` is in transfer-slope units (positive is good); ``covariance`` in native ones.
    """

    names: tuple[str, ...]
    families: Families
    covariance: Covariance


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
    return Comparison(
        tuple(fit.cell.family for fit in fits),
        paule_mandel(slopes, stderrs),
        analysis_of_covariance([points(f) for f in fits]),
    )


def points(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """X and y of the points that counted."""
    left_out = dict(fit.excluded)
    kept = [point for point in fit.cell.points if point.name not in left_out]
    return np.array([point.x for point in kept]), np.array([point.y for point in kept])
