"""The rate of an exponential curve, log y = a + b x: by how much the logarithm of the metric moves for one unit of x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.slopes.curves.least_squares import Fitted
from harness.slopes.curves.link import EXPONENTIAL


@dataclass(frozen=True, slots=True)
class Rate:
    """b with its standard error: the jackknife over what was left out (runs, or upstream values)."""

    value: float
    stderr: float


def rate_of(fitted: Fitted | None) -> Rate | None:
    """The rate of an exponential curve; None of any other.

    Least squares of log y weighted by the square of y as first fitted: an error s of y is one of s / y in log y (delta method), so that every point counts
    as on the metric's own scale, whatever the size of y.

    >>> from harness.slopes.curves.base import Scale
    >>> from harness.slopes.curves.least_squares import fit
    >>> x = np.linspace(2, 4, 6)
    >>> found = rate_of(fit(EXPONENTIAL, x, 400 * np.exp(-1.2 * x), np.arange(6), Scale()))
    >>> round(found.value, 6), found.stderr < 1e-9
    (-1.2, True)
    """
    if fitted is None or fitted.curve is not EXPONENTIAL:
        return None
    rates = fitted.without[:, -1]
    count = rates.size
    stderr = float(np.sqrt((count - 1) / count * np.sum((rates - rates.mean()) ** 2)))
    return Rate(float(fitted.coefficients[1]), stderr)
