"""Can a slope be predicted before it is measured? Random-effects regression of slopes on features of (corpus, task).

b_j = x_j' theta + N(0, tau²) + N(0, se_j²), weights 1/(tau² + se_j²), tau² by Paule and Mandel's equation with n - k
degrees of freedom, intervals by Knapp and Hartung (2003, Statistics in Medicine 22, 2693). Judged by Q2 on tasks left
out, against the plain mean: a feature that does not beat it predicts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array, t_quantile

CELLS_PER_FEATURE = 10


@dataclass(frozen=True, slots=True)
class MetaRegression:
    """Coefficients, intercept first, with Knapp-Hartung intervals; ``q2`` is on tasks left out, 0 that of the mean."""

    names: tuple[str, ...]
    coefficients: Array
    low: Array
    high: Array
    tau: float
    q2: float | None


def meta_regression(
    slopes: Array, stderrs: Array, features: Array, names: Sequence[str], tasks: Sequence[str]
) -> MetaRegression:
    """Regress slopes on features.

    Args:
        slopes: (n,) transfer slopes in one unit.
        stderrs: (n,) above zero.
        features: (n, k) one column a feature.
        names: (k,) what they are called.
        tasks: (n,) the task of each slope; all slopes of a task are left out together.

    Raises:
        HarnessError: fewer than ten slopes for a feature, an error that is not above zero, or features that do not vary.

    >>> x = np.linspace(0, 1, 12)
    >>> found = meta_regression(1 + 2 * x + 0.01 * np.cos(9 * x), np.full(12, 0.05), x[:, None], ["size"], list("abcdefghijkl"))
    >>> [round(float(value), 1) for value in found.coefficients], found.tau, found.q2 > 0.99
    ([1.0, 2.0], 0.0, True)
    """
    n, k = features.shape
    if n < CELLS_PER_FEATURE * k:
        raise HarnessError(f"{n} slopes and {k} features; ten slopes are needed for each: choose fewer features")
    if not (np.all(stderrs > 0) and np.isfinite(features).all() and np.isfinite(slopes).all()):
        raise HarnessError("slopes and features must be finite numbers, and standard errors above zero")
    design = np.column_stack([np.ones(n), features])
    if np.linalg.matrix_rank(design) < k + 1:
        raise HarnessError(f"the features {', '.join(names)} do not vary apart from one another; leave one out")
    tau2 = between(design, slopes, stderrs)
    found, covariance = weighted(design, slopes, 1 / (tau2 + stderrs**2))
    half = t_quantile(0.975, n - k - 1) * np.sqrt(np.diag(covariance))
    return MetaRegression(
        ("intercept", *names), found, found - half, found + half, float(np.sqrt(tau2)),
        left_out_q2(design, slopes, stderrs, tasks),
    )  # fmt: skip


def weighted(design: Array, slopes: Array, weights: Array) -> tuple[Array, Array]:
    """Coefficients, and their covariance scaled by the weighted residual variance (Knapp and Hartung)."""
    n, k = design.shape
    inverse = np.linalg.inv(design.T @ (weights[:, None] * design))
    found = inverse @ (design.T @ (weights * slopes))
    residual = slopes - design @ found
    return found, inverse * max(float(np.sum(weights * residual**2)) / (n - k), 0.0)


def between(design: Array, slopes: Array, stderrs: Array) -> float:
    """tau² at which the weighted residual sum of squares is its expectation n - k; 0 where it is below it already."""
    from scipy.optimize import brentq

    n, k = design.shape

    def excess(tau2: float) -> float:
        weights = 1 / (tau2 + stderrs**2)
        found, _ = weighted(design, slopes, weights)
        return float(np.sum(weights * (slopes - design @ found) ** 2)) - (n - k)

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.var(slopes)) + float(np.max(stderrs) ** 2)
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, rtol=1e-12))


def left_out_q2(design: Array, slopes: Array, stderrs: Array, tasks: Sequence[str]) -> float | None:
    """1 - errors of tasks left out / errors of the mean of the others; None with fewer than three tasks."""
    labels = np.asarray(tasks)
    names = list(dict.fromkeys(tasks))
    if len(names) < 3:
        return None
    missed, plain = 0.0, 0.0
    for name in names:
        out = labels == name
        rest, y, errors = design[~out], slopes[~out], stderrs[~out]
        if np.linalg.matrix_rank(rest) < design.shape[1]:
            return None
        weights = 1 / (between(rest, y, errors) + errors**2)
        found, _ = weighted(rest, y, weights)
        missed += float(np.sum((slopes[out] - design[out] @ found) ** 2))
        plain += float(np.sum((slopes[out] - np.average(y, weights=weights)) ** 2))
    return 1 - missed / plain if plain > 0 else None
