"""Standard errors shared by the metrics: from influences, and by leaving one cluster out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.measures.metrics.base import StandardError


def cluster_index(clusters: ArrayLike | None, length: int) -> NDArray[np.int64]:
    """Number the clusters 0, 1, 2, ...; without clusters every example is its own.

    Raises:
        HarnessError: Not one cluster per example.

    >>> cluster_index(["b", "a", "b"], 3).tolist()
    [1, 0, 1]
    """
    if clusters is None:
        return np.arange(length)
    given = np.asarray(clusters)
    if given.shape != (length,):
        raise HarnessError(f"found clusters of shape {given.shape} for {length} examples; give one per example")
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def from_influence(influence: NDArray[np.float64], clusters: ArrayLike | None, method: str) -> StandardError:
    """Standard error of a statistic whose first-order change by each example is ``influence / N``.

    ``SE^2 = C/(C-1) sum_c (sum_{i in c} influence_i)^2 / N^2`` over the ``C`` clusters; for a mean
    without clusters this is the sample standard deviation over ``sqrt(N)``.

    >>> from_influence(np.array([0.25, 0.25, 0.25, -0.75]), None, "sample sd").value
    0.25
    """
    index = cluster_index(clusters, len(influence))
    sums = np.bincount(index, weights=influence)
    if len(sums) < 2:
        return StandardError(None, "none: a single example or cluster")
    factor = len(sums) / (len(sums) - 1)
    value = float(np.sqrt(factor * np.sum(sums**2)) / len(influence))
    return StandardError(value, method if clusters is None else f"{method}, clustered")


def from_leave_one_out(
    values: NDArray[np.float64], counts: NDArray[np.int64], method: str = "delete-one jackknife"
) -> StandardError:
    """Jackknife: ``SE^2 = (C-1)/C sum_c (value_without_c - their mean)^2``. Efron & Stein (1981).

    Args:
        values: The statistic without one unit, one entry per distinct kind of unit.
        counts: How many units there are of each kind.
        method: What to call it.

    >>> from_leave_one_out(np.array([2 / 3, 1.0]), np.array([3, 1])).value
    0.25
    """
    units = int(counts.sum())
    if units < 2:
        return StandardError(None, "none: a single example or cluster")
    mean = np.sum(counts * values) / units
    return StandardError(float(np.sqrt((units - 1) / units * np.sum(counts * (values - mean) ** 2))), method)
