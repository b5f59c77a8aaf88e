"""Do families share a slope, and do they share a line? F tests of nested least-squares lines (Fisher 1932)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array


@dataclass(frozen=True, slots=True)
class Test:
    """An F test: its statistic, degrees of freedom and p."""

    f: float
    between: int
    within: float
    p: float


@dataclass(frozen=True, slots=True)
class Covariance:
    """The slope that families share when each has an intercept of its own, and the tests against sharing.

    Attributes:
        within: the common slope.
        equal_slopes: parallel lines against a line each.
        equal_intercepts: one line against parallel ones; means something only where slopes are equal.
        pooled: slope of one line through everything, families ignored: for comparison, never a headline.
    """

    within: float
    equal_slopes: Test
    equal_intercepts: Test
    pooled: float


def analysis_of_covariance(families: Sequence[tuple[Array, Array]]) -> Covariance:
    """Compare one line, parallel lines and a line for each of two families or more.

    Args:
        families: x (n,) and y (n,) of each; three points or more, x not constant.

    Raises:
        HarnessError: one family, or a family without a line.

    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> found = analysis_of_covariance([(x, 2 * x + [0, 0.1, 0, 0.1]), (x, 2 * x + [5.1, 5, 5.1, 5])])
    >>> round(found.within, 3), found.equal_slopes.p > 0.05, found.equal_intercepts.p < 0.001
    (2.0, True, True)
    """
    if len(families) < 2 or any(x.size < 3 or np.ptp(x) == 0 for x, _ in families):
        raise HarnessError("equal slopes are tested between two or more families, each with three or more points")
    s_xx = np.array([np.sum((x - x.mean()) ** 2) for x, _ in families])
    s_xy = np.array([np.sum((x - x.mean()) * (y - y.mean())) for x, y in families])
    s_yy = np.array([np.sum((y - y.mean()) ** 2) for _, y in families])
    n, k = sum(x.size for x, _ in families), len(families)
    own, parallel = float(np.sum(s_yy - s_xy**2 / s_xx)), float(s_yy.sum() - s_xy.sum() ** 2 / s_xx.sum())
    x, y = (np.concatenate(parts) for parts in zip(*families, strict=True))
    pooled = float(np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2))
    one = float(np.sum((y - y.mean() - pooled * (x - x.mean())) ** 2))
    return Covariance(
        float(s_xy.sum() / s_xx.sum()),
        nested(own, parallel, k - 1, n - 2 * k),
        nested(parallel, one, k - 1, n - k - 1),
        pooled,
    )


def nested(full: float, reduced: float, between: int, within: int) -> Test:
    """F of what the fuller model explains more."""
    if within <= 0 or full <= 0:
        return Test(float("nan"), between, within, float("nan"))
    f = max(reduced - full, 0.0) / between / (full / within)
    return Test(f, between, within, float(fdtrc(between, within, f)))
