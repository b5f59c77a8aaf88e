"""The floor of each metric."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.metrics import get_metric
from harness.measures.metrics.chance import chance_level

TARGETS = np.array([0] * 70 + [1] * 30)


def test_accuracy_is_the_majority_rate() -> None:
    floor = chance_level(get_metric("accuracy"), TARGETS)
    assert (floor.value, floor.predictor) == (0.7, "always class 0")
    assert floor.stderr == pytest.approx(np.sqrt(0.7 * 0.3 / 99))


def test_f1_is_that_of_always_predicting_the_positive_class() -> None:
    floor = chance_level(get_metric("f1"), TARGETS)
    assert floor.value == pytest.approx(2 * 0.3 / 1.3) and floor.predictor == "always class 1"
    # d(2p/(1+p))/dp = 2/(1+p)^2, by the delta method.
    assert floor.stderr == pytest.approx(2 / 1.3**2 * np.sqrt(0.3 * 0.7 / 100), rel=0.05)


@pytest.mark.parametrize("name", ["matthews_correlation", "pearson", "spearman"])
@pytest.mark.parametrize("classes", [2, 4])
def test_correlations_are_zero_with_their_spread_over_permutations(name: str, classes: int) -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, classes, 60)
    metric = get_metric(name)
    floor = chance_level(metric, targets)
    spread = np.std([metric.compute(generator.permutation(targets), targets) for _ in range(1000)])
    assert floor.value == 0 and floor.stderr == pytest.approx(spread, rel=0.08)


def test_a_metric_without_a_known_floor_is_refused() -> None:
    with pytest.raises(HarnessError, match="no chance level is known"):
        chance_level(get_metric("evaluate/mae"), [1.0, 2.0])
