"""Does the metric leave its curve as the loss goes on falling? One-step-ahead residuals, best checkpoint last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr

from harness.slopes.ordinary_least_squares import Array

FIRST = 5
"""Checkpoints before the first prediction."""
ALARM = 3.0
TWICE = 2


@dataclass(frozen=True, slots=True)
class Divergence:
    """Checkpoints that the curve through all worse ones did not foresee, all on one side.

    Attributes:
        since: upstream value of the first.
        z: the largest, in standard deviations, positive where the metric is higher than foreseen.
        count: how many.
    """

    since: float
    z: float
    count: int


def divergence(columns: Array, g: Array, x: Array, up: int) -> Divergence | None:
    """Recursive residuals (Brown, Durbin and Evans 1975) of a curve with its shape fixed.

    Walking from the worst upstream value to the best, checkpoint t is predicted from those before it:
    w_t = (g_t - z_t b) / sqrt(1 + z_t (Z'Z)^-1 z_t), independent with one variance where the curve holds. Each is held
    against the mean square of those before it, t with as many degrees of freedom, and turned into a normal z. Two
    beyond 3 on one side are an alarm.

    Args:
        columns: (n, c) the curve's columns at each checkpoint, without the constant.
        g: (n,) the metric on the scale of the curve's link.
        x: (n,) upstream values.
        up: +1 where a higher upstream value is better, else -1.

    >>> x = np.linspace(4, 2, 16)
    >>> y = 0.9 - 0.2 * x + 0.002 * np.cos(50 * x) - 0.2 * np.maximum(2.5 - x, 0)
    >>> found = divergence(x[:, None], y, x, -1)
    >>> found.since < 2.5, found.z < -3, divergence(x[:, None], 0.9 - 0.2 * x + 0.002 * np.cos(50 * x), x, -1)
    (True, True, None)
    """
    order = np.argsort(x * up, kind="stable")
    spread = np.maximum(np.ptp(columns, axis=0), 1e-300)
    design = np.column_stack([np.ones(x.size), (columns - columns.mean(axis=0)) / spread])[order]
    g, x = g[order], x[order]
    start = max(FIRST, design.shape[1] + 2)
    if x.size < start + TWICE or np.ptp(g) == 0:
        return None
    w = recursive_residuals(design, g)
    z = surprises(w, start, design.shape[1], 1e-24 * float(np.sum((g - g.mean()) ** 2)))
    for side in (-1, 1):
        beyond = np.flatnonzero(side * z > ALARM)
        if beyond.size >= TWICE:
            return Divergence(float(x[beyond[0]]), float(side * np.max(side * z)), int(beyond.size))
    return None


def surprises(w: Array, start: int, k: int, least: float) -> Array:
    """Each recursive residual from ``start`` on against those before it, as a normal z, (n,); 0 where it cannot be told.

    Args:
        w: (n,) recursive residuals, NaN where there is none.
        start: the first that is asked about.
        k: the first that counts.
        least: sums of squares up to this are rounding.
    """
    known = np.isfinite(w)
    known[:k] = False
    squares = np.where(known, w, 0.0) ** 2
    before, scale = np.cumsum(known)[:-1], np.cumsum(squares)[:-1]
    asked = known[1:] & (np.arange(1, w.size) >= start) & (before >= TWICE) & (scale > least)
    z = np.zeros(w.size)
    ahead, freedom = w[1:][asked], before[asked]
    p = stdtr(freedom, -np.abs(ahead) / np.sqrt(scale[asked] / freedom))
    z[1:][asked] = -np.sign(ahead) * ndtri(np.maximum(p, 1e-300))
    return z


def recursive_residuals(design: Array, y: Array) -> Array:
    """Residual of each row predicted from the rows before it, (n,), over sqrt(1 + leverage); NaN where they cannot.

    Those of a line have a variance of one: their sum of squares is that of the residuals of the whole.

    >>> design = np.column_stack([np.ones(6), np.arange(6.0)])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0, 5.0, 4.0])
    >>> w = recursive_residuals(design, y)
    >>> whole = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    >>> bool(np.isclose(np.nansum(w**2), whole @ whole))
    True
    """
    n, k = design.shape
    found = np.full(n, np.nan)
    if n <= k:
        return found
    gram = np.cumsum(design[:, :, None] * design[:, None, :], axis=0)[k - 1 : -1]
    cross = np.cumsum(design * y[:, None], axis=0)[k - 1 : -1]
    size = np.sqrt(np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300))
    scaled = gram / (size[:, :, None] * size[:, None, :])
    sound = np.linalg.det(scaled) > 1e-10
    inverse = np.linalg.inv(np.where(sound[:, None, None], scaled, np.eye(k)))
    z = design[k:] / size
    fitted = np.einsum("ti,tij,tj->t", z, inverse, cross / size)
    leverage = np.einsum("ti,tij,tj->t", z, inverse, z)
    found[k:] = np.where(sound, (y[k:] - fitted) / np.sqrt(1 + leverage), np.nan)
    return found
