"""A line with errors in x and y whose ratio is known (Deming 1943): the case of York with equal errors."""

from __future__ import annotations

import numpy as np

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array


def deming(x: Array, y: Array, ratio: float = 1.0) -> tuple[float, float]:
    """Slope and intercept; ``ratio`` is var(error of y) / var(error of x).

    b = [s_yy - d s_xx + sqrt((s_yy - d s_xx)² + 4 d s_xy²)] / (2 s_xy).

    Raises:
        HarnessError: x and y do not covary, so that the line has no direction.

    >>> [round(v, 4) for v in deming(np.array([1.0, 2, 3, 4]), np.array([1.1, 1.9, 3.2, 3.9]))]
    [0.9763, 0.0842]
    """
    s_xx, s_yy = float(np.var(x)), float(np.var(y))
    s_xy = float(np.mean((x - x.mean()) * (y - y.mean())))
    if s_xy == 0:
        raise HarnessError("x and y do not covary; a line with errors in both has no direction there")
    apart = s_yy - ratio * s_xx
    slope = (apart + float(np.sqrt(apart**2 + 4 * ratio * s_xy**2))) / (2 * s_xy)
    return slope, float(y.mean() - slope * x.mean())
