from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.affinity.n_leep import n_leep, posteriors


def features(rng: np.random.Generator, labels: np.ndarray, apart: float) -> np.ndarray:
    return rng.normal(size=(len(labels), 6)) + apart * np.eye(6)[labels]


def test_clusters_that_are_classes_leave_nothing_to_guess_and_noise_the_entropy():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150)
    told, some, none = (n_leep(features(rng, labels, apart), labels).value for apart in (30.0, 2.0, 0.0))
    assert told == pytest.approx(0, abs=0.01) and told > some > none
    assert -np.log(3) - 0.02 < none < -0.5 * np.log(3)  # fifteen components fit some of the noise


def test_posteriors_are_distributions_over_five_components_a_class_and_the_same_again():
    rng = np.random.default_rng(1)
    x = features(rng, np.arange(100) % 2, 3.0)
    found = posteriors(x, 2)
    assert found.shape == (100, 10) and np.allclose(found.sum(1), 1)
    assert np.array_equal(found, posteriors(x, 2)) and posteriors(x[:20], 2).shape[1] == 4


def test_the_scale_of_the_features_does_not_matter():
    rng = np.random.default_rng(2)
    labels = np.arange(80) % 2
    x = features(rng, labels, 2.0)
    assert n_leep(x * 1e-4, labels).value == pytest.approx(n_leep(x, labels).value, abs=1e-6)


def test_one_class_is_refused():
    with pytest.raises(HarnessError, match="two classes or more"):
        n_leep(np.ones((8, 2)), np.zeros(8, dtype=int))
    with pytest.raises(HarnessError, match="the same features"):
        n_leep(np.ones((8, 2)), np.arange(8) % 2)
