"""Matthews correlation: how predicted and true classes go together, chance is 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.measures.metrics.base import Metric, StandardError
from harness.measures.metrics.confusion import jackknife_from_counts, value_from_counts


def matthews_from_counts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """``R_K`` of confusion counts; 0 where one class takes all predictions or all targets.

    >>> float(matthews_from_counts(np.array([[2, 0], [1, 1]])).round(6))
    0.57735
    """
    # Exact in float64 up to 2^53, where int64 products of row sums could overflow.
    table = counts.astype(np.float64)
    true, guessed, total = table.sum(-1), table.sum(-2), table.sum((-2, -1))
    right = np.trace(table, axis1=-2, axis2=-1)
    together = right * total - (true * guessed).sum(-1)
    spread = (total**2 - (guessed**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    return np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)


class MatthewsCorrelation(Metric):
    """Matthews correlation coefficient; in [-1, 1], higher is better, 0 for a constant prediction.

    With ``c`` right of ``s`` examples, class ``k`` true ``t_k`` times and predicted ``p_k`` times,
    ``R_K = (c s - sum t_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2))``: Matthews (1975), Gorodkin
    (2004); as scikit-learn's ``matthews_corrcoef``. The standard error is the exact delete-one
    jackknife, from confusion counts.

    >>> round(MatthewsCorrelation().compute([0, 0, 0, 1], [0, 0, 1, 1]), 6)
    0.57735
    >>> MatthewsCorrelation().compute([1, 1, 1], [0, 1, 1])
    0.0
    """

    name = "matthews_correlation"
    unit = "correlation"

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """The coefficient of all examples."""
        return value_from_counts(matthews_from_counts, predictions, targets)

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Its standard error by the jackknife."""
        return jackknife_from_counts(matthews_from_counts, predictions, targets, clusters)
