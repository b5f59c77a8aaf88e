r"""LEEP: log expected empirical prediction of the labels from a source model's own classes (Nguyen et al. 2020, ICML).

With theta_i(z) the probability that the source model gives to its class z on row i:
P(y, z) = mean_i theta_i(z) [y_i = y], P(y | z) = P(y, z) / sum_y P(y, z), LEEP = mean_i log sum_z P(y_i | z) theta_i(z).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.measures.affinity.estimate import Array, Estimate, check_labelled

METHOD = "delete-one jackknife, the source distributions given"


def leep(source: Array, labels: npt.NDArray[np.intp]) -> Estimate:
    """LEEP in nats a row, at most 0; higher transfers better.

    Args:
        source: (n, z) distribution over source classes of each row.
        labels: (n,) class of each row, counted from 0.

    Raises:
        HarnessError: rows that are no distributions, or fewer than two classes with two rows.

    >>> leep(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]), np.array([0, 0, 1, 1])).value
    0.0
    """
    source = np.asarray(source, dtype=np.float64)
    check_labelled(source, labels)
    if source.min() < 0 or not np.allclose(source.sum(1), 1, atol=1e-6):
        raise HarnessError("every row of the source must be a distribution: no number below zero, and a sum of one")
    n, one_hot = len(labels), np.eye(int(labels.max()) + 1)[labels]
    joint = one_hot.T @ source  # (classes, z), n times P(y, z)
    value = mean_log(joint, source, labels)
    deleted = np.empty(n)
    for i in range(n):
        rest = np.arange(n) != i
        without = joint.copy()
        without[labels[i]] -= source[i]
        deleted[i] = mean_log(np.maximum(without, 0.0), source[rest], labels[rest])
    stderr = float(np.sqrt((n - 1) / n * np.sum((deleted - deleted.mean()) ** 2)))
    return Estimate(value, stderr, METHOD, n)


def mean_log(joint: Array, source: Array, labels: npt.NDArray[np.intp]) -> float:
    """Mean log-probability of the labels under the expected empirical predictor of a joint table."""
    total = joint.sum(0)
    conditional = np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)
    return float(np.mean(np.log(np.maximum(np.sum(conditional[labels] * source, axis=1), 1e-300))))
