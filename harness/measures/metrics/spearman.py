"""Spearman correlation: how far two lists are in the same order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.measures.metrics.base import Metric, StandardError, check_scores
from harness.measures.metrics.pearson import correlation
from harness.measures.metrics.standard_errors import from_influence


def middle_rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank as a fraction of the list: what lies below plus half of what is equal, itself included.

    >>> middle_rank(np.array([3.0, 1.0, 3.0, 5.0])).tolist()
    [0.5, 0.125, 0.5, 0.875]
    """
    ordered = np.sort(values)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (below + upto) / (2 * len(values))


def mean_above(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each ``i`` the mean over ``j`` of ``weights_j [values_j > values_i]``, equal ones by half.

    >>> mean_above(np.array([1.0, 2.0]), np.array([4.0, 6.0])).tolist()
    [4.0, 1.5]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    totals = np.concatenate([[0.0], np.cumsum(weights[order])])
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((totals[-1] - (totals[below] + totals[upto]) / 2) / len(values))


def rank_influence(predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Influence of each example on Spearman's rho, through its own ranks and everyone else's."""
    u, v = middle_rank(predictions) - 0.5, middle_rank(targets) - 0.5
    covariance, x_variance, y_variance = (u * v).mean(), (u * u).mean(), (v * v).mean()
    on_covariance = u * v + mean_above(predictions, v) + mean_above(targets, u) - 3 * covariance
    on_x = u * u + 2 * mean_above(predictions, u) - 3 * x_variance
    on_y = v * v + 2 * mean_above(targets, v) - 3 * y_variance
    scale = np.sqrt(x_variance * y_variance)
    rho = covariance / scale
    return np.asarray(on_covariance / scale - rho / 2 * (on_x / x_variance + on_y / y_variance))


class Spearman(Metric):
    """Pearson's r of the ranks, ties sharing their mean rank; in [-1, 1], higher is better. Spearman (1904).

    The standard error is by its influence function (the infinitesimal jackknife): an example moves the
    value by its own ranks and by shifting the ranks of others, both with ties. Croux & Dehon (2010),
    doi:10.1007/s10260-010-0142-z, for the case without ties.

    >>> round(Spearman().compute([1, 2, 3, 4], [10, 30, 20, 90]), 12)
    0.8
    """

    name = "spearman"
    unit = "correlation"
    needs = "scores"

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """Spearman's rho.

        Raises:
            UndefinedMetricError: Predictions or targets are constant.
        """
        guessed, true = check_scores(predictions, targets)
        self._check_spread(guessed, true)
        return correlation(middle_rank(guessed), middle_rank(true))

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Its standard error by the influence function."""
        guessed, true = check_scores(predictions, targets)
        self._check_spread(guessed, true)
        return from_influence(rank_influence(guessed, true), clusters, "influence function")

    @staticmethod
    def _check_spread(predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Constant lists are named with their own value, not with that of their ranks."""
        if np.ptp(predictions) == 0 or np.ptp(targets) == 0:
            correlation(predictions, targets)
