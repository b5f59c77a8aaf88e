"""Pearson correlation: how linearly two lists of numbers go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.measures.metrics.base import Metric, StandardError, UndefinedMetricError, check_scores
from harness.measures.metrics.standard_errors import from_influence

CONSTANT = 1e-13


def unit_vector(values: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Centre and scale to length one.

    Raises:
        UndefinedMetricError: Fewer than two values, or all of them equal up to rounding.
    """
    if len(values) < 2:
        raise UndefinedMetricError("a correlation of one example is undefined; score at least two")
    centred = values - values.mean()
    largest = np.abs(centred).max()
    if largest == 0 or largest <= CONSTANT * abs(values.mean()):
        raise UndefinedMetricError(
            f"all {len(values)} {what} are {values[0]:.6g}: a correlation with a constant is undefined (a collapsed "
            "model, or a split with one target)"
        )
    # Dividing by the largest first keeps the squares of tiny or huge numbers in range.
    centred = centred / largest
    return np.asarray(centred / np.linalg.norm(centred))


def correlation(predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Pearson's r of two vectors.

    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])), 12)
    1.0
    """
    product = unit_vector(predictions, "predictions") @ unit_vector(targets, "targets")
    return float(np.clip(product, -1.0, 1.0))


class Pearson(Metric):
    """``r = cov(x, y) / (sd x sd y)``; in [-1, 1], higher is better. Pearson (1895).

    The standard error is by its influence function, with ``x`` and ``y`` standardised:
    ``x_i y_i - r (x_i^2 + y_i^2) / 2``. It needs no normality. Devlin, Gnanadesikan & Kettenring,
    Biometrika 62 (1975).

    >>> round(Pearson().compute([1, 2, 3, 4], [1, 3, 2, 4]), 12)
    0.8
    """

    name = "pearson"
    unit = "correlation"
    needs = "scores"

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """Pearson's r.

        Raises:
            UndefinedMetricError: Predictions or targets are constant.
        """
        return correlation(*check_scores(predictions, targets))

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Its standard error by the influence function."""
        guessed, true = check_scores(predictions, targets)
        scale = np.sqrt(len(true))
        x, y = unit_vector(guessed, "predictions") * scale, unit_vector(true, "targets") * scale
        influence = x * y - correlation(guessed, true) * (x**2 + y**2) / 2
        return from_influence(influence, clusters, "influence function")
