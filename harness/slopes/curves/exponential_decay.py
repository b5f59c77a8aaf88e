"""M2, decay towards a floor: averages over tasks with an error that stays (Gadre et al. 2024, arXiv 2403.08540)."""

from __future__ import annotations

import numpy as np

from harness.slopes.curves.base import Array, Untransformed, unit_window

RATES = np.concatenate([-np.geomspace(12, 0.25, 40), np.geomspace(0.25, 12, 40)])
"""gamma times the width of the window; below 1/4 the curve cannot be told from a line."""


class ExponentialDecay(Untransformed):
    """y = eps - k exp(-gamma x)."""

    name = "exponential decay"
    formula = "y = a + b exp(-gamma x)"
    parameters = 3
    least_levels = 6

    def thetas(self, x: Array) -> Array:
        """Gamma per unit of x and where the window begins, (80, 2)."""
        start, width = unit_window(x)
        return np.stack([RATES / width, np.full(RATES.size, start)], axis=1)

    def basis(self, x: Array, thetas: Array) -> Array:
        """exp(-gamma (x - start)), (K, m, 1)."""
        gamma, start = thetas[:, :1], thetas[:, 1:]
        return np.exp(np.clip(-gamma * (x[None, :] - start), -60.0, 60.0))[..., None]


EXPONENTIAL_DECAY = ExponentialDecay()
