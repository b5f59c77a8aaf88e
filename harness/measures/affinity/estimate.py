"""A score with its standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` with the standard error that ``stderr_method`` gave it, from ``n`` texts or rows."""

    value: float
    stderr: float
    stderr_method: str
    n: int


def check_labelled(features: Array, labels: npt.NDArray[np.intp], least: int = 2) -> None:
    """Refuse features and classes that no score can be made of.

    Args:
        features: (n, d).
        labels: (n,) class of each row.
        least: rows that every class needs.

    Raises:
        HarnessError: lengths differ, a number is not finite, or a class is too small.
    """
    if features.ndim != 2 or len(features) != len(labels):
        raise HarnessError(f"features of shape {features.shape} and {len(labels)} labels; expected (n, d) and (n,)")
    if not np.isfinite(features).all():
        raise HarnessError("features are not finite; the weights or the dtype of the checkpoint are at fault")
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2 or counts.min() < least:
        found = ", ".join(f"{label}: {count}" for label, count in zip(classes, counts, strict=True))
        raise HarnessError(f"rows of each class: {found}; expected two classes or more with {least} rows each")


def check_varies(features: Array) -> None:
    """Refuse features that are the same for every row.

    Raises:
        HarnessError: no feature varies.
    """
    if not np.ptp(features, axis=0).any():
        raise HarnessError(f"all {len(features)} rows have the same features; nothing can be told from them")


def check_texts(texts: Sequence[Sequence[str]], of: str) -> None:
    """Refuse texts that hold no word at all.

    Raises:
        HarnessError: no text holds a word.
    """
    if not any(texts):
        raise HarnessError(f"the text of {of} has no words: {len(texts)} texts, all empty")
