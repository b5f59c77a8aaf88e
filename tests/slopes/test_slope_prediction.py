"""A planted feature is found and predicts tasks left out; features of noise are called significant as rarely as said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.slope_prediction import SIZE, closeness, left_out, max_t, predict_slopes, skill

TASKS, FAMILIES = 12, 2
CELLS = list(itertools.product([f"f{i}" for i in range(FAMILIES)], [f"t{i}" for i in range(TASKS)]))
FAMILY, TASK = ([cell[i] for cell in CELLS] for i in (0, 1))
NAMES = [SIZE, "cover", "divergence", "auc"]


def draws(effect: float, seed: int):
    """Slopes of tasks that ``cover`` moves, with errors of unequal size; features are the task's, whatever the family."""
    rng = np.random.default_rng(seed)
    by_task = rng.normal(size=(TASKS, len(NAMES)))
    of_task = rng.normal(0, 0.3, TASKS)
    column = np.array([int(task[1:]) for task in TASK])
    features, stderrs = by_task[column], rng.uniform(0.05, 0.3, len(CELLS))
    return 1 + effect * features[:, 1] + of_task[column] + rng.normal(0, stderrs), stderrs, features


def test_a_planted_feature_is_found_and_beats_the_mean_and_the_size():
    found = []
    for seed in range(8):
        slopes, stderrs, features = draws(1.0, seed)
        found.append(predict_slopes(slopes, stderrs, features, NAMES, TASK, FAMILY, permutations=199))
    assert np.mean([f.best.name == "cover" for f in found]) >= 0.9
    assert np.mean([f.best.p < 0.05 for f in found]) >= 0.8
    assert np.mean([f.q2 > 0.3 and f.q2_over_size > 0.3 for f in found]) >= 0.8
    assert np.mean([f.best.coefficient for f in found]) == pytest.approx(1.0, abs=0.2)
    assert (found[0].n, found[0].tasks, found[0].families) == (24, 12, 2)


def test_noise_is_significant_no_more_often_than_said():
    p = np.array([max_t(*draws(0.0, seed), TASK, FAMILY, 79, seed).min() for seed in range(200)])
    error = np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(p <= 0.05) <= 0.05 + 2.5 * error
    assert 0.35 < np.mean(p <= 0.5) < 0.65


def test_taking_slopes_of_one_task_for_independent_would_not_do():
    """The control of the test above: dealing rows to cells, and not to tasks, finds too much in the same noise."""
    alone = [f"t{i}" for i in range(len(CELLS))]
    p = np.array([max_t(*draws(0.0, seed), alone, ["f"] * len(CELLS), 79, seed).min() for seed in range(200)])
    assert np.mean(p <= 0.05) > 0.1


def test_noise_predicts_no_task_left_out():
    found = []
    for seed in range(12):
        errors, of_mean, _ = left_out(*draws(0.0, seed), NAMES, TASK)
        found.append(skill(errors, of_mean))
    assert np.median(found) < 0


def test_where_the_size_is_all_nothing_beats_it():
    slopes, stderrs, features = draws(1.0, 3)
    found = predict_slopes(slopes, stderrs, features[:, [1]], [SIZE], TASK, FAMILY, permutations=99)
    assert found.q2 > 0.3 and found.q2_over_size == 0
    assert predict_slopes(slopes, stderrs, features[:, [1]], ["cover"], TASK, FAMILY).q2_over_size is None


def test_closeness_is_the_weighted_correlation():
    slopes, stderrs, features = draws(0.5, 4)
    weights = 1 / stderrs**2
    covariance = np.cov(slopes, features[:, 1], aweights=weights)
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert closeness(slopes, weights, features)[1] == pytest.approx(abs(expected))


def test_a_family_may_lack_a_task():
    slopes, stderrs, features = draws(1.0, 5)
    part = slice(0, 20)
    found = predict_slopes(slopes[part], stderrs[part], features[part], NAMES, TASK[part], FAMILY[part])
    assert found.n == 20 and found.best.name == "cover" and found.best.p < 0.05


def test_too_little_is_refused():
    slopes, stderrs, features = draws(1.0, 6)
    few = [f"t{i % 4}" for i in range(24)]
    for change, told in (((slopes[:9], stderrs[:9], features[:9], NAMES, TASK[:9], FAMILY[:9]), "9 slopes of 9 tasks"),
                         ((slopes, stderrs, features, NAMES, few, FAMILY), "24 slopes of 4 tasks"),
                         ((slopes, stderrs, np.ones((24, 1)), ["a"], TASK, FAMILY), "no feature varies")):  # fmt: skip
        with pytest.raises(HarnessError, match=told):
            predict_slopes(*change)
