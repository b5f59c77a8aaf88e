"""Where a metric leaves chance: the worst upstream value from which on every better checkpoint stands above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.slopes.ordinary_least_squares import Array

ABOVE = 1.645
"""Standard errors above chance: one-sided, five in a hundred."""


@dataclass(frozen=True, slots=True)
class ChanceExit:
    """The threshold lies between two checkpoints.

    Attributes:
        at: upstream value of the first checkpoint above chance.
        before: that of the last one that is not.
    """

    at: float
    before: float


def chance_exit(x: Array, y: Array, y_stderr: Array, chance: float, *, up: int, down: int) -> ChanceExit | None:
    """Walk from the worst upstream value to the best; the exit is where the walk is above chance for good.

    A checkpoint is above chance where down (y - chance) > 1.645 standard errors (emergence threshold, Du et al. 2024,
    arXiv 2403.15796). None where the worst checkpoint is above already, the best is not, or an error is unknown.

    Args:
        x: (n,) upstream values.
        y: (n,) metric.
        y_stderr: (n,) standard errors of the metric.
        chance: what a predictor gets that has learned nothing.
        up: +1 where a higher upstream value is better, else -1.
        down: the same of the metric.

    >>> found = chance_exit(np.array([4.0, 3.5, 3.0, 2.5]), np.array([0.5, 0.53, 0.51, 0.6]), np.full(4, 0.01), 0.5, up=-1, down=1)
    >>> found.at, found.before
    (2.5, 3.0)
    """
    if not np.isfinite(y_stderr).all():
        return None
    order = np.argsort(x * up, kind="stable")
    above = (down * (y - chance) > ABOVE * y_stderr)[order]
    below = np.flatnonzero(~above)
    if not below.size or below[-1] == x.size - 1:
        return None
    last = int(below[-1])
    return ChanceExit(float(x[order][last + 1]), float(x[order][last]))
