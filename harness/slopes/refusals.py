"""When no line may be fitted: each rule by its code.

Four loss levels are the least, since the t interval of three points is two to four times the slope itself even at R2 of .97.
"""

from __future__ import annotations

import math

import numpy as np

from harness.slopes.cell import Cell, Flag
from harness.slopes.runs import LEAST_LEVELS, count_levels, level_tolerance

RANKED_LEVELS = 8
LEAST_NATS = 0.05
LEAST_NOISES = 10
LARGEST = 1e100
"""Beyond this, or spread over less than its inverse, squares leave the range of floats."""


def x_noise(cell: Cell) -> float:
    """Root mean square of the upstream standard errors that are known; 0 when none is."""
    known = [point.x_stderr for point in cell.points if point.x_stderr is not None]
    return math.sqrt(sum(stderr**2 for stderr in known) / len(known)) if known else 0.0


def apart(cell: Cell) -> float:
    """How far upstream values must lie apart to be two: beyond their noise, and a thousandth of the window."""
    return level_tolerance(np.array([point.x for point in cell.points]), x_noise(cell)) if cell.points else 0.0


def levels(cell: Cell) -> int:
    """How many upstream values are distinct beyond noise and rounding."""
    return count_levels([point.x for point in cell.points], apart(cell))


def refusals(cell: Cell, left_out: int = 0) -> tuple[Flag, ...]:
    """Every rule by which no line may be fitted; empty when one may.

    Args:
        cell: without the points at a floor or ceiling.
        left_out: how many those were.
    """
    found = [incomparable(cell), not_finite(cell)]
    if found[1] is None:
        found += [too_few_levels(cell, left_out), narrow_window(cell), constant(cell)]
    return tuple(flag for flag in found if flag is not None)


def incomparable(cell: Cell) -> Flag | None:
    """INCOMPARABLE: the points may not share a line."""
    if cell.incomparable is None:
        return None
    return Flag("INCOMPARABLE", f"These points may not share a line: {cell.incomparable}")


def not_finite(cell: Cell) -> Flag | None:
    """NOT-FINITE: a value is NaN, infinite or beyond 1e100, or a standard error is not a number of at least 0."""
    for point in cell.points:
        stderrs = [stderr for stderr in (point.x_stderr, point.y_stderr) if stderr is not None]
        if not (abs(point.x) <= LARGEST and abs(point.y) <= LARGEST):  # false for NaN too
            found = f"{point.name} has x = {point.x} and y = {point.y}"
        elif not all(math.isfinite(stderr) and stderr >= 0 for stderr in stderrs):
            found = f"{point.name} has standard errors {point.x_stderr} of x and {point.y_stderr} of y"
        else:
            continue
        return Flag("NOT-FINITE", f"{found}: find out what went wrong there, and measure it again or leave it out.")
    return None


def too_few_levels(cell: Cell, left_out: int = 0) -> Flag | None:
    """REFUSE-LEVELS: fewer than four distinct upstream values."""
    found = levels(cell)
    if found >= LEAST_LEVELS:
        return None
    if not cell.points:
        text = (
            f"All {left_out} checkpoints lie at the floor or ceiling of {cell.downstream.metric}, where no slope is to be "
            "seen: score better checkpoints, or choose a task that they can do and not do perfectly."
            if left_out
            else f"No checkpoint has both {cell.upstream.task} and {cell.downstream.task}: measure the one that is missing."
        )
        return Flag("REFUSE-LEVELS", text)
    rest = " above floor and below ceiling" if left_out else ""
    least = apart(cell)
    what = f" (distinct: more than {least:.2g} apart, its noise or a thousandth of the window)" if least > 0 else ""
    points = "1 point stands" if len(cell.points) == 1 else f"{len(cell.points)} points stand"
    return Flag(
        "REFUSE-LEVELS",
        f"{points} at {found} distinct value{'' if found == 1 else 's'} of {cell.upstream.task}{rest}{what}; a line needs "
        f"{LEAST_LEVELS} and a rank {RANKED_LEVELS}: measure checkpoints at other values.",
    )


def narrow_window(cell: Cell) -> Flag | None:
    """REFUSE-WINDOW: the upstream values span less than ten of their standard errors, or less than 0.05 nat."""
    if not cell.points:
        return None
    span = max(point.x for point in cell.points) - min(point.x for point in cell.points)
    noise = LEAST_NOISES * x_noise(cell)
    nats = LEAST_NATS if cell.upstream.unit.startswith("nats") else 0.0
    differ = span > max(1e-9 * max(abs(point.x) for point in cell.points), 1 / LARGEST)
    if span >= max(noise, nats) and differ:
        return None
    needed = f"{noise:.3g} (ten standard errors)" if noise >= nats else f"{nats:g} nat"
    wanted = f"a slope needs at least {needed}" if max(noise, nats) > 0 else "a slope needs values that differ"
    return Flag(
        "REFUSE-WINDOW",
        f"{cell.upstream.task} spans {span:.3g} {cell.upstream.unit}; {wanted}: add checkpoints further apart, or "
        "measure the upstream value on more text.",
    )


def constant(cell: Cell) -> Flag | None:
    """REFUSE-CONSTANT: the downstream value is the same everywhere, most often a floor or a ceiling."""
    y = np.array([point.y for point in cell.points])
    if y.size < 2 or np.ptp(y) > max(1e-12 * np.abs(y).max(), 1 / LARGEST):
        return None
    return Flag(
        "REFUSE-CONSTANT",
        f"{cell.downstream.metric} of {cell.downstream.task} is {y[0]:g} at every checkpoint, as at a floor or "
        "ceiling: choose a task or metric on which these checkpoints differ.",
    )
