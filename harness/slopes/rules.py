"""When a line is refused, and what is said about one that is not: each rule by its code.

Thresholds are those of regression practice: leverage and Cook's distance after Belsley, Kuh and Welsch (1980); four
loss levels since the t interval of three points is two to four times the slope itself even at R2 of .97.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.slopes.cell import Axis, Cell, Flag, Line
from harness.slopes.divergence import Divergence
from harness.slopes.ordinary_least_squares import Array, LeastSquares, line_through
from harness.slopes.reliability import ENOUGH
from harness.slopes.runs import LEAST_LEVELS, LEAST_RUNS, Sample, count_levels, level_tolerance
from harness.slopes.supremum_f import Break

RANKED_LEVELS = 8
LEAST_NATS = 0.05
LEAST_NOISES = 10
HIGH_LEVERAGE = 0.5
HIGH_COOK = 1.0
FRAGILE_SHARE = 0.25
SIGNIFICANT = 0.05
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


def provisional(found: int) -> Flag | None:
    """PROVISIONAL: four to seven levels."""
    if found >= RANKED_LEVELS:
        return None
    return Flag(
        "PROVISIONAL",
        f"Only {found} distinct upstream values: the line is shown and not ranked; {RANKED_LEVELS} are needed.",
    )


def trajectory(cell: Cell) -> Flag:
    """TRAJECTORY: too few runs to know how runs differ."""
    runs = len({point.run for point in cell.points})
    return Flag(
        "TRAJECTORY",
        f"{len(cell.points)} checkpoints of {runs} training {'run' if runs == 1 else 'runs'}: the interval is "
        "conditional on those runs, says nothing about another one, and is not ranked across families; train "
        f"{LEAST_RUNS} runs or more, each scored over the same window.",
    )


def partial(cell: Cell) -> Flag | None:
    """PARTIAL: the values were measured on part of the data."""
    if not any(point.partial for point in cell.points):
        return None
    return Flag("PARTIAL", "Measured on part of the data: a look, not a result; measure without a limit.")


def leverage(sample: Sample, fit: LeastSquares) -> Flag | None:
    """LEVERAGE: one point has leverage of one half or more, or a Cook's distance above one."""
    if fit.leverage.max() < HIGH_LEVERAGE and fit.cook.max() <= HIGH_COOK:
        return None
    at = int(fit.leverage.argmax() if fit.leverage.max() >= HIGH_LEVERAGE else fit.cook.argmax())
    without = slope_without(sample.x, sample.y, at)
    return Flag(
        "LEVERAGE",
        f"The line leans on {sample.name[at]} (leverage {fit.leverage[at]:.2f}, Cook's distance {fit.cook[at]:.2g}): "
        f"least squares gives {float(fit.slope):.4g} with it and {without} without; measure more checkpoints near it.",
    )


def slope_without(x: Array, y: Array, at: int) -> str:
    """The slope of the other points, in words."""
    x, y = np.delete(x, at), np.delete(y, at)
    return f"{line_through(x, y)[0]:.4g}" if np.ptp(x) > 0 else "none"


def fragile(lines: Sequence[Line], headline: Line) -> Flag | None:
    """FRAGILE: two straight estimators differ in sign or by more than a quarter of the larger slope.

    Nothing is said where a curve was picked: straight lines through a bend differ as a matter of course.
    """
    if headline.method.endswith(" curve"):
        return None
    low, high = min(lines, key=lambda line: line.slope), max(lines, key=lambda line: line.slope)
    if high.slope - low.slope <= FRAGILE_SHARE * max(abs(high.slope), abs(low.slope)):
        return None
    return Flag(
        "FRAGILE",
        f"{low.method} gives {low.slope:.4g} and {high.method} {high.slope:.4g}: the slope depends on the estimator; "
        "look at the scatter for a bend or a stray point before quoting it.",
    )


def censored(cell: Cell, excluded: Sequence[tuple[str, str]]) -> tuple[Flag, ...]:
    """CENSORED: points at the floor or the ceiling were left out."""
    if not excluded:
        return ()
    names = ", ".join(name for name, _ in excluded[:5]) + (" and others" if len(excluded) > 5 else "")
    ends = " and ".join(sorted({end for _, end in excluded}))
    chance = "" if cell.downstream.chance is None else f" (chance {cell.downstream.chance:.4g})"
    return (
        Flag(
            "CENSORED",
            f"{len(excluded)} of {len(cell.points)} points lie within two standard errors of the {ends} of "
            f"{cell.downstream.metric}{chance} and are left out: {names}; the slope holds above the floor alone.",
        ),
    )


def curved(p: float | None, headline: Line) -> Flag | None:
    """CURVED: the quadratic term is significant."""
    how = f"the {headline.method} was picked" if headline.method.endswith(" curve") else "no curve predicts better"
    return Flag(
        "CURVED",
        f"A straight line does not do (quadratic term, p = {p:.2g}); {how}: the slope is an average over the window and "
        "differs within it.",
    )


def breaks(found: Break, cell: Cell, errors: Mapping[str, float]) -> Flag | None:
    """BREAK: the line breaks inside the window, and no smooth curve predicts better than the broken line.

    ``errors`` are left-out errors by curve: where a sigmoid or a decay does better it is a bend, not a break.
    """
    smooth = min((error for name, error in errors.items() if name != "broken line"), default=0.0)
    if found.p >= SIGNIFICANT or errors.get("broken line", math.inf) > smooth:
        return None
    return Flag(
        "BREAK",
        f"The line breaks at {found.at:.4g} [{found.low:.4g}, {found.high:.4g}] {cell.upstream.unit} (sup-F, p = "
        f"{found.p:.2g}): its slope is {found.before:.4g} below and {found.after:.4g} above; quote each side by itself.",
    )


def diverges(found: Divergence | None, cell: Cell) -> Flag | None:
    """DIVERGES: the best checkpoints leave the curve that the others are on."""
    if found is None:
        return None
    side = "above" if found.z > 0 else "below"
    return Flag(
        "DIVERGES",
        f"From {cell.upstream.task} {found.since:.4g} on, {found.count} checkpoints lie {side} what all worse ones foretell "
        f"(recursive residuals, z up to {found.z:.1f}): what drives {cell.downstream.metric} has changed there; fit the two "
        "stretches apart.",
    )


def heteroscedastic(p: float | None) -> Flag | None:
    """HETEROSCEDASTIC: the noise follows x."""
    if p is None or p >= SIGNIFICANT:
        return None
    return Flag(
        "HETEROSCEDASTIC",
        f"The residuals grow or shrink along x (Breusch-Pagan, p = {p:.2g}): trust the interval, which allows for it, and "
        "no interval that assumes equal noise.",
    )


def serial(p: float | None) -> Flag | None:
    """SERIAL: neighbouring checkpoints of a run err alike."""
    if p is None or p >= SIGNIFICANT:
        return None
    return Flag(
        "SERIAL",
        f"Neighbouring checkpoints err alike (p = {p:.2g}): they are fewer than they look; train more runs rather than "
        "saving more checkpoints.",
    )


def errors_in_x(reliable: float | None) -> Flag | None:
    """EIV: the upstream value is too noisy for least squares."""
    if reliable is None or reliable >= ENOUGH:
        return None
    return Flag(
        "EIV",
        f"Only {reliable:.1%} of the spread of the upstream value is real: a least-squares slope is too flat by that "
        "factor; measure it on more text, or read the line with errors in both.",
    )


def no_skill(q2: float | None, method: str) -> Flag | None:
    """NO-SKILL: what is left out is predicted worse than by the mean."""
    if q2 is None or q2 >= 0:
        return None
    return Flag(
        "NO-SKILL",
        f"{method} Q2 is {q2:.2f}: the line predicts what it has not seen worse than the plain mean does, whatever its "
        "R2; do not predict from it.",
    )


def direction(axis: Axis) -> int:
    """+1 when a higher value is better, else -1."""
    return 1 if axis.higher_is_better else -1
