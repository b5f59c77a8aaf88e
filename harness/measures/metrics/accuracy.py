"""Accuracy: the fraction of predictions that are right."""

from __future__ import annotations

from numpy.typing import ArrayLike

from harness.measures.metrics.base import Metric, StandardError, check_labels
from harness.measures.metrics.standard_errors import from_influence


class Accuracy(Metric):
    """``accuracy = 1/N sum_i [prediction_i = target_i]``, a fraction in [0, 1], higher is better.

    Its standard error is the sample standard deviation of the outcomes over ``sqrt(N)``; with clusters
    the outcomes are first summed within them. Miller, Adding Error Bars to Evals, arXiv 2411.00640.

    >>> Accuracy().compute([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    >>> Accuracy().stderr([1, 0, 1, 1], [1, 0, 0, 1])
    StandardError(value=0.25, method='sample standard deviation')
    """

    name = "accuracy"
    unit = "fraction"

    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """The fraction of right predictions."""
        guessed, true = check_labels(predictions, targets)
        return float((guessed == true).mean())

    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """Standard error of the fraction."""
        guessed, true = check_labels(predictions, targets)
        right = (guessed == true).astype(float)
        return from_influence(right - right.mean(), clusters, "sample standard deviation")
