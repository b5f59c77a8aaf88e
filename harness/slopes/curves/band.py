"""How sure a curve is, point by point: the mean, and what a new checkpoint would show. The two are not the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from harness.slopes.curves.base import Array
from harness.slopes.curves.least_squares import Fitted


def freedom(fitted: Fitted) -> int:
    """Degrees of freedom of the band: points less parameters, at most runs less one."""
    runs, n = fitted.without.shape[0], fitted.left_out.size
    return max(min(n - fitted.curve.parameters, runs - 1), 1)


def mean_band(fitted: Fitted, x: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """The curve at x (m,) and the half width of the confidence interval of its mean, from the fits without each run.

    It takes the curve for given: after a choice among curves it holds the truth about .90 of the time.
    """
    centre = fitted.predict(x)
    others = fitted.predict_without(x)
    runs = others.shape[0]
    stderr = np.sqrt((runs - 1) / runs * np.sum((others - others.mean(axis=0)) ** 2, axis=0))
    return centre, float(stdtrit(freedom(fitted), 0.5 + level / 2)) * stderr


def prediction_band(fitted: Fitted, y: Array, x: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """The curve at x and the half width of the interval for one new checkpoint there.

    The spread of a new checkpoint is that of the errors left out: root mean square over degrees of freedom; the
    uncertainty of the mean is part of it already at the points' own x, and added in quadrature elsewhere.
    """
    centre, half = mean_band(fitted, x, level)
    t = float(stdtrit(freedom(fitted), 0.5 + level / 2))
    spread = float(np.sqrt(np.mean((y - fitted.left_out) ** 2)))
    return centre, np.sqrt(half**2 + (t * spread) ** 2)
