"""M5, loss to loss: L_y = K (L_x - E_x)^kappa + E_y (Brandfonbrener et al. 2024, arXiv 2411.12925)."""

from __future__ import annotations

import numpy as np

from harness.slopes.curves.base import Array, Untransformed, unit_window

SHIFTS = np.geomspace(0.02, 8, 9)
"""How far E_x lies below the window, in widths of it."""
POWERS = np.array([0.25, 0.4, 0.55, 0.7, 0.85, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0])


class ShiftedPower(Untransformed):
    """y = K (x - E)^kappa + c."""

    name = "shifted power"
    formula = "y = a + b (x - E)^kappa"
    parameters = 4
    least_levels = 8

    def thetas(self, x: Array) -> Array:
        """E and kappa, (99, 2)."""
        start, width = unit_window(x)
        below, power = np.meshgrid(start - width * SHIFTS, POWERS, indexing="ij")
        return np.stack([below.reshape(-1), power.reshape(-1)], axis=1)

    def basis(self, x: Array, thetas: Array) -> Array:
        """(x - E)^kappa, (K, m, 1); 0 below E."""
        base = np.maximum(x[None, :] - thetas[:, :1], 0.0)
        return (base ** thetas[:, 1:])[..., None]


SHIFTED_POWER = ShiftedPower()
