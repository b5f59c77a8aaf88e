"""How uncertain each value is about the loss model, where a part of that is known for each and the rest is one for all."""

from __future__ import annotations

import numpy as np

from harness.slopes.flatness.freedman_lane import directions
from harness.slopes.ordinary_least_squares import Array

GRID = np.geomspace(1e-6, 1.0, 40)
"""Variance beyond what is known, as a share of the variance of y."""


def with_scatter(y: Array, controls: Array, known: Array) -> Array:
    """Variance (n,) of each y about a linear model of it: a known part, and a scatter that is estimated.

    The scatter maximises the restricted likelihood (Patterson and Thompson 1971, Biometrika 58, 545) on a grid. With V
    the variances and X the controls: -2 log L = sum log V + log |X' V^-1 X| + r' V^-1 r.

    Args:
        y: (n,).
        controls: (n, k) orthonormal.
        known: (n,) the part of the variance that is known of each.

    >>> rng = np.random.default_rng(0)
    >>> known = np.repeat([0.0, 0.09], 500)
    >>> y = rng.normal(0, np.sqrt(0.01 + known))
    >>> float(np.round(with_scatter(y, np.full((1000, 1), 1000**-0.5), known)[0], 2))
    0.01
    """
    best, found = np.inf, np.ones_like(y)
    for share in GRID * max(float(np.var(y)), 1e-300):
        variance = share + known
        scale = np.sqrt(variance)
        columns = controls / scale[:, None]
        basis = directions(columns)
        left = y / scale - basis @ (basis.T @ (y / scale))
        criterion = float(np.log(variance).sum() + np.linalg.slogdet(columns.T @ columns)[1] + left @ left)
        if criterion < best:
            best, found = criterion, variance
    return found
