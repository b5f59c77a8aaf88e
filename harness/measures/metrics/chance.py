"""What a metric gives to a predictor that has learned nothing: the floor under every score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.measures.metrics.base import Metric, check_labels, check_scores

CORRELATIONS = ("matthews_correlation", "pearson", "spearman")


@dataclass(frozen=True, slots=True)
class Chance:
    """The floor: its value, its standard error, how that was found, and who predicts."""

    value: float
    stderr: float | None
    method: str
    predictor: str


def chance_level(metric: Metric, targets: ArrayLike, clusters: ArrayLike | None = None) -> Chance:
    """The floor of a metric on given targets.

    Accuracy and F1: the best *constant* prediction (the majority class for accuracy; for binary F1 class
    1, ``2p / (1 + p)``), with the metric's own standard error. Correlations: 0, with the spread that
    predictions unrelated to the targets would have: ``1/sqrt(N - 1)``, exact over permutations.

    Raises:
        HarnessError: The metric is neither of labels nor a correlation known here, or targets are empty.

    >>> from harness.measures.metrics import get_metric
    >>> chance_level(get_metric("accuracy"), [0, 0, 1, 0]).value, chance_level(get_metric("f1"), [0, 0, 1, 0]).value
    (0.75, 0.4)
    >>> chance_level(get_metric("pearson"), [0.1, 0.5, 0.2, 0.9, 1.0]).stderr
    0.5
    """
    if metric.name in CORRELATIONS:
        return _unrelated(metric, targets)
    if metric.needs != "labels" or not metric.higher_is_better:
        raise HarnessError(f"no chance level is known for {metric.name!r}; state it in the task")
    _, true = check_labels(targets, targets)
    constants = {int(label): np.full_like(true, label) for label in np.unique(true)}
    best = max(constants, key=lambda label: metric.compute(constants[label], true))
    error = metric.stderr(constants[best], true, clusters)
    return Chance(metric.compute(constants[best], true), error.value, error.method, f"always class {best}")


def _unrelated(metric: Metric, targets: ArrayLike) -> Chance:
    if metric.needs == "labels":
        labels, _ = check_labels(targets, targets)
        concentration, count = _concentration(labels), len(labels)
    else:
        concentration, count = 1.0, len(check_scores(targets, targets)[0])
    stderr = float(np.sqrt(concentration / (count - 1))) if count > 1 else None
    return Chance(0.0, stderr, "spread over permutations", "unrelated to the targets")


def _concentration(labels: NDArray[np.int64]) -> float:
    """``tr(S^2) / tr(S)^2`` of the classes' covariance ``S``: 1 for two classes, less for more."""
    rates = np.bincount(labels) / len(labels)
    covariance = np.diag(rates) - np.outer(rates, rates)
    trace = np.trace(covariance)
    return float((covariance**2).sum() / trace**2) if trace > 0 else 1.0
