"""M3, a sigmoid with two plateaus (Bhagia et al. 2024, arXiv 2412.04403)."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from harness.slopes.curves.base import Array, Untransformed, unit_window

CENTRES = np.linspace(-0.3, 1.3, 33)
"""L_0 in widths of the window from its beginning."""
RATES = np.geomspace(2.5, 40, 18)
"""k times the width of the window; a slower one cannot be told from an exponential or a line."""


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

    def basis(self, x: Array, thetas: Array) -> Array:
        """1 / (1 + exp(-k (x - x_0))), (K, m, 1)."""
        return expit(thetas[:, 1:] * (x[None, :] - thetas[:, :1]))[..., None]


SIGMOID = Sigmoid()
