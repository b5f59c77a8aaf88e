"""Each standard error against the spread of the metric over many samples, and against a brute-force jackknife."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.measures.metrics import Metric, get_metric

LABELS = ("accuracy", "f1", "f1_macro", "matthews_correlation")
SCORES = ("pearson", "spearman")


def sample(needs: str, count: int, generator: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Predictions and targets; scores are coarse, as STS-B's are, so that ranks tie."""
    if needs == "labels":
        targets = (generator.random(count) < 0.3).astype(int)
        return np.where(generator.random(count) < 0.75, targets, 1 - targets), targets
    targets = generator.gamma(2.0, 1.0, count)
    return np.round(targets + generator.normal(0, 1 + targets / 2, count), 1), np.round(targets * 2) / 2


def brute_force_jackknife(metric: Metric, predictions: NDArray, targets: NDArray, clusters: NDArray) -> float:
    without = np.array(
        [metric.compute(predictions[clusters != c], targets[clusters != c]) for c in np.unique(clusters)]
    )
    return float(np.sqrt((len(without) - 1) / len(without) * np.sum((without - without.mean()) ** 2)))


@pytest.mark.parametrize("name", [*LABELS, *SCORES])
def test_equals_the_true_spread(name: str) -> None:
    """Mean standard error within 8 % of the standard deviation over 400 samples of 200."""
    metric, generator = get_metric(name), np.random.default_rng(0)
    pairs = [sample(metric.needs, 200, generator) for _ in range(400)]
    spread = np.std([metric.compute(*pair) for pair in pairs])
    errors = [metric.stderr(*pair).value for pair in pairs]
    assert np.mean(errors) == pytest.approx(spread, rel=0.08)


@pytest.mark.parametrize("name", [*LABELS, *SCORES])
def test_clusters_equal_the_true_spread(name: str) -> None:
    """Every example four times over: the clustered error is the true one, the plain one half of it."""
    metric, generator = get_metric(name), np.random.default_rng(1)
    pairs = [sample(metric.needs, 100, generator) for _ in range(300)]
    spread = np.std([metric.compute(*pair) for pair in pairs])
    clusters = np.repeat(np.arange(100), 4)
    fourfold = [(np.repeat(p, 4), np.repeat(t, 4)) for p, t in pairs]
    clustered = [metric.stderr(*pair, clusters=clusters) for pair in fourfold]
    assert np.mean([error.value for error in clustered]) == pytest.approx(spread, rel=0.12)
    assert np.mean([metric.stderr(*pair).value for pair in fourfold]) < 0.6 * spread
    assert all("clustered" in error.method for error in clustered)


@pytest.mark.parametrize("name", LABELS)
def test_label_metrics_equal_a_brute_force_jackknife(name: str) -> None:
    metric = get_metric(name)
    predictions, targets = sample("labels", 60, np.random.default_rng(2))
    for clusters, given in ((np.arange(60), None), (np.arange(60) // 4, np.arange(60) // 4)):
        expected = brute_force_jackknife(metric, predictions, targets, clusters)
        # Accuracy of clusters of one size, too, is its own jackknife.
        assert metric.stderr(predictions, targets, given).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", SCORES)
def test_influence_is_near_a_brute_force_jackknife(name: str) -> None:
    """The two differ by terms of order 1/N."""
    metric = get_metric(name)
    predictions, targets = sample("scores", 300, np.random.default_rng(3))
    expected = brute_force_jackknife(metric, predictions, targets, np.arange(300))
    assert metric.stderr(predictions, targets).value == pytest.approx(expected, rel=0.06)


def test_normal_scores_have_the_textbook_error() -> None:
    """For a bivariate normal the standard error of Pearson's r tends to (1 - r^2) / sqrt(N)."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=200_000)
    y = 0.6 * x + 0.8 * generator.normal(size=200_000)
    assert get_metric("pearson").stderr(x, y).value == pytest.approx((1 - 0.36) / np.sqrt(200_000), rel=0.02)


@pytest.mark.parametrize("name", LABELS)
def test_one_example_has_no_standard_error(name: str) -> None:
    assert get_metric(name).stderr([1], [1]) == (None, "none: a single example or cluster")


@pytest.mark.parametrize("name", LABELS)
def test_perfect_predictions_have_none_to_show(name: str) -> None:
    assert get_metric(name).stderr([0, 1, 1, 0], [0, 1, 1, 0]).value == 0
