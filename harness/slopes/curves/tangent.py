"""How a fitted curve moves with its parameters, and with x: to first order, what least squares does to a curve is linear."""

from __future__ import annotations

import numpy as np

from harness.slopes.curves.base import Array
from harness.slopes.curves.least_squares import Fitted, predict

STEP = 1e-4
"""Of differences: a share of the grid of shapes, of a coefficient, of the window."""
SMALL = 1e-6
"""A direction that is this share of the largest or less is none."""


def tangent(fitted: Fitted, x: Array) -> Array:
    """Derivatives of the curve at x by shape and by coefficients, on the metric's own scale: (n, p).

    What all shapes of a grid have in common, such as where its window begins, is no parameter.

    >>> from harness.slopes.curves import menu_of
    >>> from harness.slopes.curves.least_squares import Scale, fit
    >>> x = np.linspace(2, 3, 5)
    >>> found = fit(menu_of("fraction")[0], x, 1 - x / 4, np.arange(5), Scale())
    >>> bool(np.allclose(tangent(found, x), np.column_stack([np.ones(5), x])))
    True
    """
    q = fitted.theta.size
    parameters = np.concatenate([fitted.theta, fitted.coefficients])
    sizes = np.concatenate([np.ptp(fitted.curve.thetas(x), axis=0), np.maximum(np.abs(fitted.coefficients), 1e-3)])
    steps = STEP * np.diag(sizes)[sizes > 0]
    both = np.concatenate([parameters + steps, parameters - steps])
    up, down = np.split(predict(fitted.curve, fitted.scale, x, both[:, :q], both[:, q:]), 2)
    return np.asarray((up - down).T / (2 * steps.sum(axis=1)))


def slope_at(fitted: Fitted, x: Array) -> Array:
    """dy/dx of the curve at x, (n,)."""
    step = STEP * max(float(np.ptp(x)), 1e-9)
    return np.asarray((fitted.predict(x + step) - fitted.predict(x - step)) / (2 * step))


def weights_of_average(fitted: Fitted, x: Array, window: tuple[float, float]) -> Array:
    """How the average slope over a window moves with each value of y at x, (n,).

    With J the tangent at x and g that of the average slope by the parameters: J (J'J)^+ g, exact for a line.

    >>> from harness.slopes.curves import menu_of
    >>> from harness.slopes.curves.least_squares import Scale, fit
    >>> x = np.array([2.0, 2.5, 3.0])
    >>> found = fit(menu_of("fraction")[0], x, 1 - x / 4, np.arange(3), Scale())
    >>> (np.round(weights_of_average(found, x, (2.0, 3.0)), 6) + 0.0).tolist()
    [-1.0, 0.0, 1.0]
    """
    everywhere = tangent(fitted, np.concatenate([x, np.asarray(window)]))
    columns, (low, high) = everywhere[:-2], everywhere[-2:]
    size = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    gradient = (high - low) / (window[1] - window[0]) / size
    return np.asarray(np.linalg.pinv(columns / size, rcond=SMALL).T @ gradient)
