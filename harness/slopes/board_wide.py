"""What can be said only with all cells at hand: a shared window, corrected verdicts, ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.slopes import refusals, rules
from harness.slopes.cell import Axis, Fit
from harness.slopes.cluster_bootstrap import rank_intervals, resampled_slopes
from harness.slopes.equivalence import flat
from harness.slopes.families import with_comparisons
from harness.slopes.multiplicity import benjamini_hochberg
from harness.slopes.ordinary_least_squares import t_quantile

FALSE_DISCOVERIES = 0.05


def compared(fits: Sequence[Fit]) -> list[Fit]:
    """Fits of single cells made comparable: best transfer first, refused last in the order given."""
    return ordered(families_compared(fits))


def families_compared(fits: Sequence[Fit]) -> list[Fit]:
    """What the families of one (upstream, task) say together: it asks for no other task's fits."""
    return with_comparisons(with_shared_windows(fits))


def ordered(fits: Sequence[Fit]) -> list[Fit]:
    """What all tasks say together: corrected verdicts and ranks; best transfer first, refused last in the order given."""
    found = with_ranks(with_verdicts(fits))
    return sorted(found, key=lambda fit: math.inf if fit.transfer_slope is None else -fit.transfer_slope)


def with_shared_windows(fits: Sequence[Fit]) -> list[Fit]:
    """Average the slope of every curve over the window that the families of one (upstream, task) share.

    The window is [largest of the families' least x, least of their largest]; where they share none that is wide
    enough for a slope, each keeps its own. A straight line is the same over any window.
    """
    from harness.slopes.fit import over_window

    groups: dict[tuple[Axis, Axis], list[int]] = {}
    for number, fit in enumerate(fits):
        if fit.window is not None:
            groups.setdefault((fit.cell.upstream, fit.cell.downstream), []).append(number)
    found = list(fits)
    for numbers in groups.values():
        windows = [fits[number].window for number in numbers]
        low, high = max(w[0] for w in windows if w), min(w[1] for w in windows if w)
        least = refusals.LEAST_NATS if fits[numbers[0]].cell.upstream.unit.startswith("nats") else 0.0
        if len(numbers) < 2 or high - low <= least:
            continue
        for number in numbers:
            if fits[number].model not in (None, "linear"):
                found[number] = over_window(fits[number], (low, high))
    return found


def with_verdicts(fits: Sequence[Fit]) -> list[Fit]:
    """The sign of every cell after Benjamini and Hochberg's correction for how many were asked.

    Negative needs besides that Theil-Sen agrees in sign. Flat is a finding, not a lack of one: the interval lies
    within what one standard error of the metric amounts to over the window.
    """
    asked = [number for number, fit in enumerate(fits) if fit.p_value is not None]
    adjusted = benjamini_hochberg([float(fits[number].p_value or 0.0) for number in asked])
    found = list(fits)
    for number, q in zip(asked, adjusted, strict=True):
        found[number] = replace(fits[number], q_value=q, verdict=verdict(fits[number], q))
    return found


def verdict(fit: Fit, q: float) -> str:
    """Positive, negative, flat or undecided."""
    assert fit.interval is not None and fit.transfer_slope is not None, "asked of fitted cells alone"
    if fit.interval.low > 0 and q < FALSE_DISCOVERIES:
        return "positive"
    if fit.interval.high < 0 and q < FALSE_DISCOVERIES and theil_sen_sign(fit) < 0:
        return "negative"
    return "flat" if is_flat(fit) else "undecided"


def theil_sen_sign(fit: Fit) -> float:
    """The sign of the Theil-Sen transfer slope."""
    robust = next(line for line in fit.lines if line.method == "Theil-Sen" and not line.censored)
    return robust.slope * rules.direction(fit.cell.upstream) * rules.direction(fit.cell.downstream)


def is_flat(fit: Fit) -> bool:
    """Whether the 90 % interval lies within one standard error of the metric over the window (TOST)."""
    if fit.y_noise is None or fit.window is None or fit.interval is None or fit.transfer_slope is None:
        return False
    width = fit.window[1] - fit.window[0]
    freedom = max(fit.n_points - 2, 1)
    half = (fit.interval.high - fit.interval.low) / 2
    margin = fit.y_noise / width * fit.per
    return width > 0 and flat(fit.transfer_slope, half / t_quantile(0.975, freedom), freedom, margin)


def with_ranks(fits: Sequence[Fit]) -> list[Fit]:
    """Rank intervals of the tasks of one (family, upstream), in one unit, over the same resampled checkpoints.

    Runs are resampled where there are ten or more, else checkpoints; only cells that may be ranked (status "ok") and
    that have all checkpoints in common take part.
    """
    groups: dict[tuple[str, Axis, str, tuple[str, ...]], list[int]] = {}
    for number, fit in enumerate(fits):
        if fit.status == "ok" and not fit.excluded:
            points = tuple(point.checkpoint for point in fit.cell.points)
            groups.setdefault((fit.cell.family, fit.cell.upstream, fit.cell.downstream.unit, points), []).append(number)
    found = list(fits)
    for numbers in groups.values():
        if len(numbers) < 2:
            continue
        for number, (best, worst) in zip(numbers, ranked([fits[number] for number in numbers]), strict=True):
            found[number] = replace(found[number], rank=(best, worst))
    return found


def ranked(fits: Sequence[Fit]) -> list[tuple[int, int]]:
    """Best and worst rank of each, 1 for the largest transfer slope."""
    points = fits[0].cell.points
    names = [point.run for point in points]
    runs = {run: number for number, run in enumerate(dict.fromkeys(names))}
    numbers = np.array([runs[name] for name in names] if len(runs) >= 10 else range(len(points)), dtype=np.intp)
    x = np.array([point.x for point in points]) * rules.direction(fits[0].cell.upstream)
    y = np.array([[p.y * rules.direction(fit.cell.downstream) for p in fit.cell.points] for fit in fits]).T
    intervals = rank_intervals(resampled_slopes(x, y, numbers, draws=1000))
    return [(int(low), int(high)) for low, high in intervals]
