"""Which feature of a task tells its slope before it is measured, and does it beat the mean and the size of the data?

Slopes are regressed on one standardised feature at a time (``meta_regression``). Three questions are asked of tasks as the
unit, since a feature is the task's: how well tasks left out are predicted, choosing the feature anew without each of
them (nested, so that the choice is paid for); how much better than from the log of the train rows alone; and how often
the best of all features would look as good if whole rows of features were dealt to tasks at random (max-T, Westfall and
Young 1993: the p of each feature holds for all that were asked).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.slopes.meta_regression import CELLS_PER_FEATURE, between, meta_regression, weighted
from harness.slopes.ordinary_least_squares import Array

PERMUTATIONS = 999
FEWEST_TASKS = 5
SIZE = "log_train_rows"


@dataclass(frozen=True, slots=True)
class FeatureSkill:
    """One feature: change of the slope for one standard deviation more, 95 % interval, Q2 on tasks left out, max-T p."""

    name: str
    coefficient: float
    low: float
    high: float
    q2: float | None
    p: float


@dataclass(frozen=True, slots=True)
class SlopePrediction:
    """Features by p, the best first.

    ``q2`` is 1 - errors / errors of the mean on tasks left out, the feature chosen anew without each; ``q2_over_size`` the
    same against a model of the log train rows alone, None where those were not measured.
    """

    n: int
    tasks: int
    families: int
    features: tuple[FeatureSkill, ...]
    q2: float
    q2_over_size: float | None

    @property
    def best(self) -> FeatureSkill:
        """The feature that goes with the slopes most closely."""
        return self.features[0]


def predict_slopes(
    slopes: Array, stderrs: Array, features: Array, names: Sequence[str], tasks: Sequence[str], families: Sequence[str],
    *, permutations: int = PERMUTATIONS, seed: int = 0,
) -> SlopePrediction:  # fmt: skip
    """Look for the feature that predicts slopes.

    Args:
        slopes: (n,) transfer slopes in one unit, at most one for each (family, task).
        stderrs: (n,) above zero.
        features: (n, k) one column a feature.
        names: (k,) what they are called; ``log_train_rows`` is the size to beat.
        tasks: (n,) the task of each slope.
        families: (n,) the family of each slope.
        permutations: of the tasks' feature rows.
        seed: of the permutations.

    Raises:
        HarnessError: fewer than ten slopes or five tasks, or no feature that varies.

    >>> x = np.linspace(-1, 1, 12)[:, None]
    >>> tasks = [f"t{i}" for i in range(12)]
    >>> found = predict_slopes(x[:, 0] + 0.01 * np.cos(99 * x[:, 0]), np.full(12, 0.01), x, ["cover"], tasks, ["f"] * 12)
    >>> found.best.name, found.best.p, found.q2 > 0.99
    ('cover', 0.001, True)
    """
    n, count = len(slopes), len(set(tasks))
    if n < CELLS_PER_FEATURE or count < FEWEST_TASKS:
        raise HarnessError(
            f"{n} slopes of {count} tasks; {CELLS_PER_FEATURE} slopes of {FEWEST_TASKS} tasks are the least to learn from"
        )
    spread = features.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(features).max(axis=0), 1e-300)
    if not varies.any():
        raise HarnessError("no feature varies between tasks; measure others")
    kept = [name for name, use in zip(names, varies, strict=True) if use]
    x = (features[:, varies] - features[:, varies].mean(axis=0)) / spread[varies]
    p = max_t(slopes, stderrs, x, tasks, families, permutations, seed)
    fits = [meta_regression(slopes, stderrs, x[:, [j]], [name], tasks) for j, name in enumerate(kept)]
    found = [
        FeatureSkill(name, float(fit.coefficients[1]), float(fit.low[1]), float(fit.high[1]), fit.q2, value)
        for name, fit, value in zip(kept, fits, p.tolist(), strict=True)
    ]
    strength = closeness(slopes, null_weights(slopes, stderrs), x)
    order = sorted(range(len(found)), key=lambda j: (found[j].p, -strength[j]))
    errors, of_mean, of_size = left_out(slopes, stderrs, x, kept, tasks)
    return SlopePrediction(
        n, count, len(set(families)), tuple(found[j] for j in order), skill(errors, of_mean),
        None if of_size is None else skill(errors, of_size),
    )  # fmt: skip


def skill(errors: Array, of_other: Array) -> float:
    """1 - squared errors over those of another model."""
    return 1 - float(np.sum(errors**2)) / max(float(np.sum(of_other**2)), 1e-300)


def null_weights(slopes: Array, stderrs: Array) -> Array:
    """1 / (tau² + se²) of the model without features: the same for all features and all permutations."""
    return np.asarray(1 / (between(np.ones((len(slopes), 1)), slopes, stderrs) + stderrs**2))


def closeness(slopes: Array, weights: Array, features: Array) -> Array:
    """|weighted correlation| of slopes with each feature: features (..., n, k) to (..., k)."""
    y = slopes - np.average(slopes, weights=weights)
    x = features - np.einsum("...nk,n->...k", features, weights)[..., None, :] / weights.sum()
    size = np.sqrt(np.sum(weights * y**2) * np.einsum("...nk,n->...k", x**2, weights))
    return np.abs(np.einsum("...nk,n->...k", x, weights * y)) / np.where(size > 1e-300, size, np.inf)


def max_t(
    slopes: Array, stderrs: Array, features: Array, tasks: Sequence[str], families: Sequence[str], permutations: int, seed: int
) -> Array:  # fmt: skip
    """(k,) p of each feature against the largest closeness when tasks are dealt the feature rows of other tasks.

    A slope of family f and task t gets the row of (f, another task); where f has no such slope, the mean of that task.
    """
    weights = null_weights(slopes, stderrs)
    row, column, dealt = feature_table(features, tasks, families)
    random = np.random.default_rng(seed)
    orders = random.permuted(np.tile(np.arange(dealt.shape[1]), (permutations, 1)), axis=1)  # (P, tasks)
    null = closeness(slopes, weights, dealt[row, orders[:, column]]).max(axis=1)  # (P,)
    found = closeness(slopes, weights, features)
    return np.asarray((1 + (null[:, None] >= found - 1e-12).sum(axis=0)) / (permutations + 1))


def feature_table(
    features: Array, tasks: Sequence[str], families: Sequence[str]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array]:
    """The family and the task of each slope as numbers, and (families, tasks, k) features, gaps filled by the task's mean."""
    _, row = np.unique(np.asarray(families), return_inverse=True)
    _, column = np.unique(np.asarray(tasks), return_inverse=True)
    means = np.stack([features[column == t].mean(axis=0) for t in range(column.max() + 1)])
    table = np.repeat(means[None], row.max() + 1, axis=0)
    table[row, column] = features
    return row, column, table


def left_out(
    slopes: Array, stderrs: Array, features: Array, names: Sequence[str], tasks: Sequence[str]
) -> tuple[Array, Array, Array | None]:
    """Errors on tasks left out: of the best feature of the other tasks, of their mean, and of the size alone."""
    labels, n = np.asarray(tasks), len(slopes)
    size = list(names).index(SIZE) if SIZE in names else None
    errors, of_mean, of_size = np.zeros(n), np.zeros(n), np.zeros(n)
    for task in dict.fromkeys(tasks):
        out = labels == task
        y, error = slopes[~out], stderrs[~out]
        best = int(np.argmax(closeness(y, null_weights(y, error), features[~out])))
        for missed, chosen in ((errors, [best]), (of_mean, []), (of_size, [] if size is None else [size])):
            missed[out] = slopes[out] - predicted(y, error, features[~out][:, chosen], features[out][:, chosen])
    return errors, of_mean, None if size is None else of_size


def predicted(slopes: Array, stderrs: Array, features: Array, asked: Array) -> Array:
    """What the random-effects model of some slopes says at other features; the mean where the features do not vary."""
    if features.size and np.ptp(features, axis=0).min() < 1e-9:
        features, asked = features[:, :0], asked[:, :0]
    design = np.column_stack([np.ones(len(slopes)), features])
    found, _ = weighted(design, slopes, 1 / (between(design, slopes, stderrs) + stderrs**2))
    return np.asarray(np.column_stack([np.ones(len(asked)), asked]) @ found)
