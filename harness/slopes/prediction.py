"""What a checkpoint of a given loss will score, and what loss would reach a score: with intervals, in native units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.cell import Fit
from harness.slopes.curves.band import mean_band, prediction_band
from harness.slopes.curves.base import Array
from harness.slopes.curves.least_squares import Fitted

REACH = 0.25
"""A loss is looked for this share of the window beyond either end; further out a fitted curve says nothing."""
STEPS = 2000


@dataclass(frozen=True, slots=True)
class Prediction:
    """The metric of one new checkpoint at x.

    ``low`` and ``high`` are the 95 % *prediction* interval, for a new checkpoint; ``mean_low`` and ``mean_high`` the
    confidence interval of the curve there, which is narrower and answers another question.
    """

    x: float
    value: float
    low: float
    high: float
    mean_low: float
    mean_high: float
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class Needed:
    """The upstream value at which the curve reaches a score; ends are None where the interval does not end in reach."""

    value: float
    x: float | None
    low: float | None
    high: float | None
    extrapolated: bool


def predict(fit: Fit, x: float) -> Prediction:
    """The score to expect at an upstream value.

    Raises:
        HarnessError: the number is not finite, the cell was refused, or it has no curve to predict from.

    >>> from harness.slopes import fit_points
    >>> x = np.linspace(2, 3, 12)
    >>> fit = fit_points(x, 0.9 - 0.2 * (x - 2) + 0.002 * np.cos(9 * x))
    >>> found = predict(fit, 2.5)
    >>> round(found.value, 2), found.low < found.mean_low < found.mean_high < found.high
    (0.8, True)
    """
    check_finite("an upstream value", x)
    fitted, y = curve_of(fit)
    centre, half = prediction_band(fitted, y, [x])
    mean, mean_half = mean_band(fitted, [x])
    low, high = fit.window or (x, x)
    return Prediction(
        x, float(centre[0]), float(centre[0] - half[0]), float(centre[0] + half[0]),
        float(mean[0] - mean_half[0]), float(mean[0] + mean_half[0]), not low <= x <= high,
    )  # fmt: skip


def needed(fit: Fit, value: float) -> Needed:
    """The upstream value at which the curve passes a score, with every value whose confidence interval holds it.

    Raises:
        HarnessError: the number is not finite, the cell was refused, or it has no curve to predict from.
    """
    check_finite("a score", value)
    fitted, _ = curve_of(fit)
    assert fit.window is not None, "a cell with a curve has a window"
    low, high = fit.window
    beyond = REACH * (high - low)
    xs = np.linspace(low - beyond, high + beyond, STEPS + 1)
    centre, half = mean_band(fitted, xs)
    crossings = np.flatnonzero(np.diff(np.sign(centre - value)) != 0)
    held = np.flatnonzero(np.abs(centre - value) <= half)
    at = float(xs[crossings[0]]) if crossings.size else None
    ends = (held[0], held[-1]) if held.size else (None, None)
    return Needed(
        value, at,
        None if ends[0] in (None, 0) else float(xs[ends[0]]),
        None if ends[1] in (None, STEPS) else float(xs[ends[1]]),
        at is None or not low <= at <= high,
    )  # fmt: skip


def check_finite(what: str, value: float) -> None:
    """Refuse what is no number.

    Raises:
        HarnessError: it is NaN or infinite.
    """
    if not math.isfinite(value):
        raise HarnessError(f"{what} of {value} was asked for; give a finite number such as 2.31")


def curve_of(fit: Fit) -> tuple[Fitted, Array]:
    """The fitted curve and the values it went through.

    Raises:
        HarnessError: there is none.
    """
    if fit.status == "refused":
        raise HarnessError(
            f"no prediction for {fit.cell.downstream.task} of {fit.cell.family}: "
            + " ".join(f"{flag.code}: {flag.text}" for flag in fit.refusals)
        )
    if fit.fitted is None:
        raise HarnessError(
            f"no prediction for {fit.cell.downstream.task} of {fit.cell.family}: its slope is {fit.lines[0].method} through "
            f"{fit.n_points} points, which has no curve to predict from; measure five checkpoints or more"
        )
    left_out = dict(fit.excluded)
    return fit.fitted, np.array([point.y for point in fit.cell.points if point.name not in left_out])
