"""A metric is an object: its name, unit and direction, its value, and the value's standard error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError

Needs = Literal["labels", "scores"]


class UndefinedMetricError(HarnessError):
    """The metric has no value on these predictions: a failure with a reason, never a number."""


class StandardError(NamedTuple):
    """A standard error in the unit of its metric, and how it was computed; None where there is none."""

    value: float | None
    method: str


class Metric(ABC):
    """One number for a list of predictions.

    Attributes:
        name: What specs and records call it.
        unit: "fraction", "correlation", ...
        higher_is_better: Its direction.
        needs: "labels" for predicted classes, "scores" for real-valued predictions.
    """

    name: str
    unit: str
    higher_is_better: bool = True
    needs: Needs = "labels"

    @abstractmethod
    def compute(self, predictions: ArrayLike, targets: ArrayLike) -> float:
        """The metric's value; both arguments have shape ``(N,)``."""

    @abstractmethod
    def stderr(self, predictions: ArrayLike, targets: ArrayLike, clusters: ArrayLike | None = None) -> StandardError:
        """The value's standard error over new examples, or over new clusters (documents) where given."""

    def signature(self) -> str:
        """What decides whether two values may be compared.

        >>> from harness.measures.metrics import get_metric
        >>> get_metric("f1").signature()
        'f1|unit=fraction|needs=labels|version=1'
        """
        return f"{self.name}|unit={self.unit}|needs={self.needs}|version=1"


def check_pair(predictions: ArrayLike, targets: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays of one length, at least one.

    Raises:
        HarnessError: They are not vectors, differ in length, or are empty.
    """
    guessed, true = np.asarray(predictions), np.asarray(targets)
    if guessed.ndim != 1 or guessed.shape != true.shape:
        raise HarnessError(
            f"found predictions of shape {guessed.shape} and targets of shape {true.shape}; give two vectors of one "
            "length, one prediction for each target"
        )
    if not len(true):
        raise HarnessError("found no predictions to score; check the split and the limit")
    return guessed, true


def check_labels(predictions: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two vectors of class numbers.

    Raises:
        HarnessError: As ``check_pair``; or a value is no whole number, or negative (a hidden test label).
    """
    guessed, true = check_pair(predictions, targets)
    for what, values in (("predictions", guessed), ("targets", true)):
        if values.dtype.kind not in "biuf" or (values.dtype.kind == "f" and not (values == np.floor(values)).all()):
            raise HarnessError(f"{what} hold {values[0]!r}; give class numbers 0, 1, 2, ...")
        if values.min() < 0:
            raise HarnessError(
                f"{what} hold the label {int(values.min())}: negative labels stand for hidden ones, as in GLUE's test "
                "splits; score a split whose labels are public (validation)"
            )
    return guessed.astype(np.int64), true.astype(np.int64)


def check_scores(predictions: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two vectors of finite numbers.

    Raises:
        HarnessError: As ``check_pair``; or the targets are not finite.
        UndefinedMetricError: A prediction is not finite.
    """
    guessed, true = (np.asarray(values, dtype=np.float64) for values in check_pair(predictions, targets))
    if not np.isfinite(true).all():
        raise HarnessError(f"{int((~np.isfinite(true)).sum())} targets are not finite numbers; check the target column")
    if not np.isfinite(guessed).all():
        count = int((~np.isfinite(guessed)).sum())
        raise UndefinedMetricError(f"{count} of {len(guessed)} predictions are not finite: the model has diverged")
    return guessed, true
