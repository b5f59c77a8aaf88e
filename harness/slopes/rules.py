"""What is said about a line that is not refused (``refusals.py``): each rule by its code.

Thresholds are those of regression practice: leverage and Cook's distance after Belsley, Kuh and Welsch (1980).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.slopes.cell import Axis, Cell, Flag, Line
from harness.slopes.divergence import Divergence
from harness.slopes.ordinary_least_squares import Array, LeastSquares, line_through
from harness.slopes.refusals import RANKED_LEVELS
from harness.slopes.reliability import ENOUGH
from harness.slopes.runs import LEAST_RUNS, Sample
from harness.slopes.supremum_f import Break

HIGH_LEVERAGE = 0.5
HIGH_COOK = 1.0
FRAGILE_SHARE = 0.25
SIGNIFICANT = 0.05


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
    chance = floor_words(cell)
    return (
        Flag(
            "CENSORED",
            f"{len(excluded)} of {len(cell.points)} points lie within two standard errors of the {ends} of "
            f"{cell.downstream.metric}{chance} and are left out: {names}; the slope holds above the floor alone.",
        ),
    )


def floor_words(cell: Cell) -> str:
    """What a metric's floor is: chance, or the floors of the points."""
    floors = [point.y_floor for point in cell.points if point.y_floor is not None]
    if not floors:
        return "" if cell.downstream.chance is None else f" (chance {cell.downstream.chance:.4g})"
    low, high = f"{min(floors):.4g}", f"{max(floors):.4g}"
    return f" (floor {low})" if low == high else f" (floors {low} to {high}, each checkpoint its own)"


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
