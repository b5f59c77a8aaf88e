"""What a straight line's residuals say: is it bent, does the noise grow, do neighbours err alike?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc, ndtr, stdtr

from harness.slopes.ordinary_least_squares import Array, line_through


def quadratic_p(x: Array, y: Array) -> float | None:
    """P of the quadratic term, t(n-3); None with fewer than five points or where nothing is left to explain.

    >>> quadratic_p(np.arange(8.0), np.arange(8.0) ** 2 + [0, 1, 0, 1, 0, 1, 0, 1]) < 1e-4
    True
    """
    n = x.size
    if n < 5:
        return None
    u = (x - x.mean()) / max(float(np.ptp(x)), 1e-300)
    square = u**2 - np.mean(u**2)
    square = square - u * (square @ u) / (u @ u)
    length = float(square @ square)
    slope, intercept = line_through(x, y)
    residual = y - intercept - slope * x
    if length < 1e-12 or residual @ residual <= 1e-24 * np.sum((y - y.mean()) ** 2):
        return None
    bend = float(residual @ square) / length
    rest = float(residual @ residual) - bend**2 * length
    t = bend / np.sqrt(max(rest, 1e-300) / (n - 3) / length)
    return float(2 * stdtr(n - 3, -abs(t)))


def breusch_pagan_p(x: Array, residual: Array) -> float | None:
    """P that the variance follows x (Breusch and Pagan 1979, Koenker's studentised form): n R² of e² on x, chi²(1)."""
    square = residual**2
    if x.size < 8 or np.ptp(square) <= 1e-24 * max(float(square.max()), 1e-300):
        return None
    slope, intercept = line_through(x, square)
    r2 = 1 - float(np.sum((square - intercept - slope * x) ** 2) / np.sum((square - square.mean()) ** 2))
    return float(chdtrc(1, x.size * max(r2, 0.0)))


def lag_one(residual: Array, run: Sequence[str], order: Array) -> tuple[float, int]:
    """Correlation of residuals of neighbouring checkpoints within runs, and over how many pairs."""
    labels = np.asarray(run)
    pairs, product = 0, 0.0
    for label in dict.fromkeys(run):
        where = np.flatnonzero(labels == label)
        walk = residual[where[np.argsort(order[where], kind="stable")]]
        pairs += max(walk.size - 1, 0)
        product += float(walk[:-1] @ walk[1:]) if walk.size > 1 else 0.0
    total = float(residual @ residual)
    return (product / total * residual.size / pairs, pairs) if pairs and total > 0 else (0.0, pairs)


LEAST_CORRELATION, MOST_CORRELATION = 0.6, 0.9
"""Of neighbouring checkpoints' errors. Public runs show .34 and .46 and more (Durbin-Watson 1.33 and 1.08 for Pythia 410m
and 1.4b, lower still at 6.9b), and one short run cannot show that it has less."""


def serial_factor(residual: Array, run: Sequence[str], order: Array) -> float:
    """By how much serial errors widen a standard error: sqrt((1 + r)/(1 - r)), errors of first order.

    Residuals look less correlated than errors are, by about (1 + 3 r)/n (Marriott and Pope 1954): r is corrected for
    that, and taken as at least .6, so that one run of eight checkpoints whose errors are so correlated is covered.

    >>> round(serial_factor(np.array([1.0, -1.0, 1.0, -1.0]), ("a",) * 4, np.arange(4.0)), 2)
    2.0
    """
    r, pairs = lag_one(residual, run, order)
    r = r + (1 + 3 * r) / pairs if pairs else 0.0
    r = min(max(r, LEAST_CORRELATION), MOST_CORRELATION)
    return float(np.sqrt((1 + r) / (1 - r)))


def serial_p(residual: Array, run: Sequence[str], order: Array) -> float | None:
    """P that residuals of neighbouring checkpoints of a run are not correlated, one-sided; None with under eight pairs.

    The lag-one correlation over neighbours within runs, r = sum e_i e_(i+1) / sum e², is about normal with mean -1/n
    and variance 1/n where there is none.
    """
    r, pairs = lag_one(residual, run, order)
    if pairs < 8 or not np.any(residual):
        return None
    z = (r + 1 / pairs) * np.sqrt(pairs)
    return float(ndtr(-z))
