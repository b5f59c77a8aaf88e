"""Values equal scikit-learn's and scipy's to 1e-12, on random and on degenerate predictions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sklearn_metrics

from harness.errors import HarnessError
from harness.measures.metrics import UndefinedMetricError, get_metric

Labels = tuple[NDArray[np.int64], NDArray[np.int64]]
GENERATOR = np.random.default_rng(0)


def labels(classes: int, count: int) -> Labels:
    targets = GENERATOR.integers(0, classes, count)
    return np.where(GENERATOR.random(count) < 0.5, targets, GENERATOR.integers(0, classes, count)), targets


BINARY: list[Labels] = [
    *(labels(2, count) for count in (2, 7, 50, 3000)),
    (np.ones(9, int), labels(2, 9)[1]),
    (np.zeros(9, int), labels(2, 9)[1]),
    (np.zeros(5, int), np.zeros(5, int)),
    (np.ones(5, int), np.ones(5, int)),
    (np.zeros(5, int), np.ones(5, int)),
    (np.array([1]), np.array([1])),
]
MANY: list[Labels] = [labels(k, 200) for k in (3, 5, 20)] + [(np.array([7, 7, 2]), np.array([2, 7, 900]))]


@pytest.mark.parametrize("pair", [*BINARY, *MANY])
def test_label_metrics_equal_scikit_learn(pair: Labels) -> None:
    predictions, targets = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(targets, predictions),
            "f1_macro": sklearn_metrics.f1_score(targets, predictions, average="macro"),
            "matthews_correlation": sklearn_metrics.matthews_corrcoef(targets, predictions),
        }
        if max(predictions.max(), targets.max()) < 2:
            expected["f1"] = sklearn_metrics.f1_score(targets, predictions)
    for name, value in expected.items():
        assert get_metric(name).compute(predictions, targets) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("count", [2, 3, 40, 1500])
def test_correlations_equal_scipy(count: int, shift: float) -> None:
    targets = GENERATOR.normal(shift, 1, count)
    predictions = targets + GENERATOR.normal(0, 1, count)
    assert get_metric("pearson").compute(predictions, targets) == pytest.approx(
        stats.pearsonr(predictions, targets).statistic, abs=1e-12
    )
    ties = np.round(predictions * 2) / 2 + np.arange(count) // (count - 1)
    for guess in (predictions, ties):
        assert get_metric("spearman").compute(guess, targets) == pytest.approx(
            stats.spearmanr(guess, targets).statistic, abs=1e-12
        )


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_correlation_of_extreme_numbers(scale: float) -> None:
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    assert get_metric("pearson").compute(x * scale, y) == pytest.approx(0.8, abs=1e-12)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_correlation_with_a_constant_is_a_failure_with_its_reason(name: str) -> None:
    with pytest.raises(UndefinedMetricError, match="all 3 predictions are 2.5"):
        get_metric(name).compute([2.5, 2.5, 2.5], [1.0, 2.0, 3.0])
    with pytest.raises(UndefinedMetricError, match="all 3 targets"):
        get_metric(name).stderr([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    with pytest.raises(UndefinedMetricError, match="diverged"):
        get_metric(name).compute([1.0, float("nan")], [1.0, 2.0])


def test_bad_input_is_one_clear_message() -> None:
    accuracy = get_metric("accuracy")
    with pytest.raises(HarnessError, match="two vectors of one length"):
        accuracy.compute([0, 1], [0])
    with pytest.raises(HarnessError, match="no predictions"):
        accuracy.compute([], [])
    with pytest.raises(HarnessError, match="label -1: negative labels stand for hidden ones"):
        accuracy.compute([0, 1], [-1, -1])
    with pytest.raises(HarnessError, match="class numbers"):
        accuracy.compute([0.5, 1], [0, 1])
    with pytest.raises(HarnessError, match="use the metric 'f1_macro'"):
        get_metric("f1").compute([0, 2], [0, 1])
    with pytest.raises(HarnessError, match="clusters of shape"):
        accuracy.stderr([0, 1], [0, 1], clusters=[0])
