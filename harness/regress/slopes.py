"""Slopes against those of the baseline: a family's transfer slope may get worse too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.regress.cell import Answer, Compared, Difference, Name
from harness.regress.tolerance import Rule, tolerance_of
from harness.slopes.cell import Fit
from harness.slopes.report import slope_unit


@dataclass(frozen=True)
class Slopes:
    """Fits of the baseline and of the results."""

    before: Sequence[Fit]
    now: Sequence[Fit]


def slope_cells(slopes: Slopes, rules: Sequence[Rule], *, gated: bool) -> tuple[list[Compared], list[Answer]]:
    """Every slope that the baseline has: what became of it, or why it cannot be told."""
    now = {name_of(fit): fit for fit in slopes.now}
    cells, absent = [], []
    for before in slopes.before:
        name = name_of(before)
        if before.status == "refused":
            continue
        found = now.get(name)
        why = None if found is None else not_comparable(before, found)
        if found is None:
            text = f"the results have no such slope: they lack {name.checkpoint}, or one of the two tasks on it"
            absent.append(Answer(name, "slope", "missing", text, gated))
        elif why is not None:
            absent.append(Answer(name, "slope", "incomparable", why, gated))
        else:
            cells.append(slope_cell(name, before, found, rules))
    return cells, absent


def name_of(fit: Fit) -> Name:
    """A slope's name: the metric against the upstream one, of a family."""
    cell = fit.cell
    return Name(
        cell.downstream.task, f"{cell.downstream.metric} on {cell.upstream.task} {cell.upstream.metric}", cell.family
    )


def not_comparable(before: Fit, now: Fit) -> str | None:
    """Why two fits of one name may not be compared; None where they may."""
    if now.status == "refused":
        return "refused now: " + " ".join(f"{flag.code}: {flag.text}" for flag in now.refusals)
    if slope_unit(before) != slope_unit(now):
        return f"in {slope_unit(before)} before, in {slope_unit(now)} now"
    return None


def slope_cell(name: Name, before: Fit, now: Fit, rules: Sequence[Rule]) -> Compared:
    """The difference of two transfer slopes, each with the standard error that its interval stands for.

    What both owe to the same test examples does not cancel, so the difference is less sure than need be.
    """
    values = [
        (float(fit.transfer_slope or 0.0), abs(fit.stderr or 0.0) * fit.per, fit.freedom or 1.0)
        for fit in (before, now)
    ]
    (a, error_a, freedom_a), (b, error_b, freedom_b) = values
    variance = error_a**2 + error_b**2
    freedom = variance**2 / (error_a**4 / freedom_a + error_b**4 / freedom_b) if variance > 0 else math.inf
    difference = Difference(
        b - a, math.sqrt(variance), max(freedom, 1.0), f"two slopes, {before.n_runs} and {now.n_runs} runs",
        example_variance=variance, unchanged=a == b and error_a == error_b,
    )  # fmt: skip
    return Compared(
        name=name, group="slope", unit=slope_unit(now), higher_is_better=True, before=a, now=b, difference=difference,
        tolerance=tolerance_of(name, "slope", slope_unit(now), rules),
    )  # fmt: skip
