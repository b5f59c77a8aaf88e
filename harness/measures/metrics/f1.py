"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.measures.metrics.base import Metric, StandardError, check_labels
from harness.measures.metrics.confusion import jackknife_from_counts, value_from_counts


def f1_by_class(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """``2 TP / (2 TP + FP + FN)`` of every class, 0 for an absent class, and which classes are present.

    >>> f1_by_class(np.array([[1, 1], [0, 1]]))[0].round(4).tolist()
    [0.6667, 0.6667]
    """
    hits = 2 * np.diagonal(counts, axis1=-2, axis2=-1)
    total = counts.sum(-1) + counts.sum(-2)
    return hits / np.maximum(total, 1), total > 0


def f1_of_class_one(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of class 1; 0 where class 1 is neither true nor predicted."""
    return f1_by_class(counts)[0][..., 1]


def f1_macro(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean F1 over the classes that are true or predicted somewhere."""
    values, present = f1_by_class(counts)
    return values.sum(-1) / np.maximum(present.sum(-1), 1)


class F1(Metric):
    """F1 of class 1 (binary) or the mean over classes (macro); a fraction in [0, 1], higher is better.

    ``F1 = 2 TP / (2 TP + FP + FN)``, 0 where that is 0/0: van Rijsbergen, Information Retrieval (1979);
    the conventions are scikit-learn's ``f1_score``. The standard error is the exact delete-one
    jackknife, from confusion counts.

    >>> F1().compute([1, 1, 0, 1], [1, 0, 0, 1])
    0.8
    >>> round(F1(average="macro").compute([1, 1, 0, 1], [1, 0, 0, 1]), 4)
    0.7333

    Args:
        average: "binary" or "macro".
    """

    unit = "fraction"

    def __init__(self, average: str = "binary") -> None:
        if average not in ("binary", "macro"):
            raise HarnessError(f"found average {average!r} for F1; valid: binary, macro")
        self.average = average
        self.name = "f1" if average == "binary" else "f1_macro"
        self._from_counts = f1_of_class_one if average == "binary" else f1_macro

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """F1 of all examples."""
        self._check_binary(predictions, targets)
        return value_from_counts(self._from_counts, predictions, targets)

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Its standard error by the jackknife."""
        self._check_binary(predictions, targets)
        return jackknife_from_counts(self._from_counts, predictions, targets, clusters)

    def _check_binary(self, predictions: ArrayLike, targets: ArrayLike) -> None:
        if self.average == "macro":
            return
        top = max(int(values.max()) for values in check_labels(predictions, targets))
        if top > 1:
            raise HarnessError(f"f1 is for classes 0 and 1, and class {top} was found; use the metric 'f1_macro'")
