"""Predictions of a trained model become values with errors, chance levels and outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measures.classifier import Example
from harness.measures.measurement import Outcomes, Value
from harness.measures.metrics import Metric, get_metric
from harness.measures.metrics.chance import chance_level
from harness.specs import LabelledTask


def score(task: LabelledTask, predictions: np.ndarray, examples: list[Example]) -> tuple[list[Value], list[Outcomes]]:
    """Every metric of a task.

    Raises:
        HarnessError: a metric is not defined on these predictions.
    """
    targets = np.array([example.target for example in examples])
    values = [value(get_metric(name), predictions, targets) for name in task.metrics]
    return values, [outcomes(task, predictions, targets, examples)]


def value(metric: Metric, predictions: np.ndarray, targets: np.ndarray) -> Value:
    """One metric with its standard error and its chance level."""
    guessed, true = (
        (predictions, targets) if metric.needs == "scores" else (predictions.astype(int), targets.astype(int))
    )
    error = metric.stderr(guessed, true)
    return Value(
        metric.name, metric.compute(guessed, true), error.value, error.method, len(true), metric.unit,
        metric.higher_is_better, floor(metric, true),
    )  # fmt: skip


def floor(metric: Metric, targets: np.ndarray) -> dict[str, Any] | None:
    """What a predictor that learned nothing would score; None where that is not known."""
    try:
        found = chance_level(metric, targets)
    except HarnessError:
        return None
    return {"chance": found.value, "chance_by": found.predictor}


def outcomes(task: LabelledTask, predictions: np.ndarray, targets: np.ndarray, examples: list[Example]) -> Outcomes:
    """Right or wrong for classes, the squared error for numbers."""
    rows = np.array([example.row for example in examples])
    right = (predictions - targets) ** 2 if task.labels is None else (predictions == targets).astype(float)
    return Outcomes("squared_error" if task.labels is None else "correct", rows, rows, right, np.ones(len(rows)))
