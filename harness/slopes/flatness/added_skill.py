"""What flatness adds to the skill on runs not seen: Q2 with it less Q2 without it, leave-one-run-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.slopes.ordinary_least_squares import Array, t_quantile


@dataclass(frozen=True, slots=True)
class AddedSkill:
    """Delta-Q2 with its 95 % interval over runs, t(R-1); the ends are None with fewer than three runs."""

    delta: float
    low: float | None
    high: float | None
    q2_without: float
    q2_with: float


def added_skill(y: Array, flatness: Array, controls: Array, run: Sequence[str]) -> AddedSkill | None:
    """Predict every run from the others by least squares, without and with flatness.

    With squared errors e_r of run r, delta = sum (e_r without - e_r with) / SST, and its variance is R times that of the
    differences between runs. None where some run cannot be left out.

    >>> x = np.linspace(0, 1, 12)
    >>> z = np.column_stack([np.ones(12), x])
    >>> found = added_skill(x + 0.2 * np.cos(9 * x), np.cos(9 * x), z, [str(i) for i in range(12)])
    >>> round(found.q2_with, 6), found.low > 0
    (1.0, True)
    """
    labels = np.asarray(run)
    full = np.column_stack([controls, flatness])
    differences, without, with_ = [], 0.0, 0.0
    for label in dict.fromkeys(run):
        out = labels == label
        if np.linalg.matrix_rank(full[~out]) < np.linalg.matrix_rank(full):
            return None
        errors = [squared_error(design, y, out) for design in (controls, full)]
        without, with_ = without + errors[0], with_ + errors[1]
        differences.append(errors[0] - errors[1])
    total = float(np.sum((y - y.mean()) ** 2))
    if total <= 0:
        return None
    runs, delta = len(differences), (without - with_) / total
    half = None
    if runs >= 3:
        half = t_quantile(0.975, runs - 1) * float(np.std(differences, ddof=1)) * float(np.sqrt(runs)) / total
    return AddedSkill(
        delta, None if half is None else delta - half, None if half is None else delta + half,
        1 - without / total, 1 - with_ / total,
    )  # fmt: skip


def squared_error(design: Array, y: Array, out: np.ndarray) -> float:
    """Sum of squared errors on what was left out."""
    found, *_ = np.linalg.lstsq(design[~out], y[~out], rcond=None)
    return float(np.sum((y[out] - design[out] @ found) ** 2))
