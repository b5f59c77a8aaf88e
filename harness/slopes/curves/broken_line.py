"""M6, a line with one break: where a trend ends, or an ability emerges (Du et al. 2024, arXiv 2403.15796)."""

from __future__ import annotations

import numpy as np

from harness.slopes.curves.base import Array, Untransformed, unit_window

NODES = 33
INNER = 0.7
"""The break is looked for in the inner 70 % of the window, so that both sides have points."""


class BrokenLine(Untransformed):
    """y = a + b x + d max(x - tau, 0)."""

    name = "broken line"
    formula = "y = a + b x + d max(x - tau, 0)"
    parameters = 4
    least_levels = 8
    least_points = 12

    def thetas(self, x: Array) -> Array:
        """Tau, (33, 1)."""
        start, width = unit_window(x)
        share = np.linspace((1 - INNER) / 2, (1 + INNER) / 2, NODES)
        return (start + width * share)[:, None]

    def basis(self, x: Array, thetas: Array) -> Array:
        """X and max(x - tau, 0), (K, m, 2)."""
        beyond = np.maximum(x[None, :] - thetas, 0.0)
        return np.stack([np.broadcast_to(x[None, :], beyond.shape), beyond], axis=-1)


BROKEN_LINE = BrokenLine()
