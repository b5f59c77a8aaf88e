from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.affinity.leep import leep


def plain(source: np.ndarray, labels: np.ndarray) -> float:
    """The definition, sum by sum."""
    total = 0.0
    for theta, y in zip(source, labels, strict=True):
        inner = 0.0
        for z in range(source.shape[1]):
            joint = sum(source[i, z] for i in range(len(labels)) if labels[i] == y)
            inner += joint / source[:, z].sum() * theta[z]
        total += np.log(inner)
    return total / len(labels)


def test_it_is_the_definition_and_its_error_the_jackknife():
    rng = np.random.default_rng(0)
    source, labels = rng.dirichlet(np.ones(4), size=30), rng.integers(0, 3, 30)
    found = leep(source, labels)
    assert found.value == pytest.approx(plain(source, labels))
    deleted = np.array([plain(np.delete(source, i, 0), np.delete(labels, i)) for i in range(30)])
    assert found.stderr == pytest.approx(np.sqrt(29 / 30 * np.sum((deleted - deleted.mean()) ** 2)))


def test_a_source_that_says_nothing_leaves_the_entropy_of_the_labels():
    labels = np.array([0] * 6 + [1] * 2)
    found = leep(np.full((8, 3), 1 / 3), labels)
    assert found.value == pytest.approx(0.75 * np.log(0.75) + 0.25 * np.log(0.25))


@pytest.mark.slow
def test_the_standard_error_is_the_spread_of_new_samples():
    found = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, 100)
        found.append(leep(np.stack([rng.dirichlet([4, 1] if y else [1, 3]) for y in labels]), labels))
    assert np.mean([f.stderr for f in found]) == pytest.approx(np.std([f.value for f in found]), rel=0.15)


@pytest.mark.parametrize(("source", "told"), [(np.ones((6, 2)), "distribution"), (np.ones((5, 1)), "expected")])
def test_bad_input_is_refused(source, told):
    with pytest.raises(HarnessError, match=told):
        leep(source, np.array([0, 1] * 3))
