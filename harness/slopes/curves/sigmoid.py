"""M3, a sigmoid with two plateaus (Bhagia et al. 2024, arXiv 2412.04403)."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from harness.slopes.curves.base import Array, Untransformed, unit_window

CENTRES = np.linspace(-0.3, 1.3, 33)
"""L_0 in widths of the window from its beginning."""
RATES = np.geomspace(2.5, 40, 18)
"""k times the width of the window; a slower one cannot be told from an exponential or a line."""
STEPS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
"""Of the grid, between its nodes."""


class Sigmoid(Untransformed):
    """y = b + A / (1 + exp(-k (x - x_0)))."""

    name = "sigmoid"
    formula = "y = a + b / (1 + exp(-k (x - x_0)))"
    parameters = 4
    least_levels = 8

    def thetas(self, x: Array) -> Array:
        """x_0 and k, (594, 2)."""
        start, width = unit_window(x)
        centre, rate = np.meshgrid(start + width * CENTRES, RATES / width, indexing="ij")
        return np.stack([centre.reshape(-1), rate.reshape(-1)], axis=1)

    def between(self, x: Array, thetas: Array) -> Array:
        """x_0 and k a quarter and a half of a step to each side, (25 K, 2)."""
        _, width = unit_window(x)
        centres = thetas[:, :1] + width * (CENTRES[1] - CENTRES[0]) * STEPS
        rates = thetas[:, 1:] * (RATES[1] / RATES[0]) ** STEPS
        both = np.broadcast_arrays(centres[:, :, None], rates[:, None, :])
        return np.stack([part.reshape(-1) for part in both], axis=1)

    def basis(self, x: Array, thetas: Array) -> Array:
        """1 / (1 + exp(-k (x - x_0))), (K, m, 1)."""
        return expit(thetas[:, 1:] * (x[None, :] - thetas[:, :1]))[..., None]


SIGMOID = Sigmoid()
