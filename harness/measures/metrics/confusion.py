"""Confusion counts, and the exact jackknife of any metric that is a function of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.measures.metrics.base import StandardError, check_labels
from harness.measures.metrics.standard_errors import cluster_index, from_leave_one_out

FromCounts = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From confusion counts (..., classes, classes) to one value each (...)."""


def confusion_counts(predictions: NDArray[np.int64], targets: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count examples by true (row) and predicted (column) class.

    >>> confusion_counts(np.array([1, 1, 0]), np.array([1, 0, 0]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = np.bincount(targets * classes + predictions, minlength=classes**2)
    return cells.reshape(classes, classes)


def value_from_counts(metric: FromCounts, predictions: ArrayLike, targets: ArrayLike) -> float:
    """The metric of all examples."""
    guessed, true, classes = _classes(predictions, targets)
    return float(metric(confusion_counts(guessed, true, classes)))


def jackknife_from_counts(
    metric: FromCounts, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None
) -> StandardError:
    """Leave out each example, or each cluster; examples of one cell have one value, so that few are computed."""
    guessed, true, classes = _classes(predictions, targets)
    whole = confusion_counts(guessed, true, classes)
    index = cluster_index(clusters, len(true))
    size = int(index.max()) + 1
    by_cluster = np.zeros((size, classes * classes), dtype=np.int64)
    if size == len(true):
        kinds, counts = np.flatnonzero(whole), whole[whole > 0]
        removed = np.eye(classes * classes, dtype=np.int64)[kinds]
    else:
        np.add.at(by_cluster, (index, true * classes + guessed), 1)
        removed, counts = np.unique(by_cluster, axis=0, return_counts=True)
    values = metric(whole - removed.reshape(-1, classes, classes))
    return from_leave_one_out(values, counts, "delete-one jackknife" + ("" if clusters is None else ", clustered"))


def _classes(predictions: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Renumber the classes that occur, so that counts stay small; at least two."""
    guessed, true = check_labels(predictions, targets)
    present = np.union1d(guessed, true)
    if present.max() < 2:
        return guessed, true, 2
    return np.searchsorted(present, guessed), np.searchsorted(present, true), max(2, len(present))
