"""M0, the straight line: loss against loss, BLEU against BLEU, an accuracy over a narrow range."""

from __future__ import annotations

import numpy as np

from harness.slopes.curves.base import Array, Untransformed


class Line(Untransformed):
    """y = a + b x."""

    name = "linear"
    formula = "y = a + b x"
    parameters = 2
    least_levels = 3

    def thetas(self, x: Array) -> Array:
        """No shape to choose: (1, 0)."""
        return np.zeros((1, 0))

    def basis(self, x: Array, thetas: Array) -> Array:
        """X itself, (1, m, 1)."""
        return x[None, :, None].astype(np.float64)


LINE = Line()
