from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway
from sklearn.covariance import ledoit_wolf
from sklearn.cross_decomposition import CCA

from harness.errors import HarnessError
from harness.measures.affinity.h_score import h_score


def example(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return rng.normal(size=(n, d)) + 0.8 * np.eye(d)[labels], labels


def test_one_feature_is_the_share_of_variance_between_classes():
    x, labels = example(60, 3)
    f = f_oneway(*(x[labels == k, 0] for k in range(3))).statistic
    assert h_score(x[:, :1], labels, shrinkage=0.0).value == pytest.approx(2 * f / (2 * f + 57))


def test_it_is_the_sum_of_squared_canonical_correlations():
    x, labels = example(80, 4)
    a, b = CCA(n_components=2, max_iter=5000, tol=1e-12).fit_transform(x, np.eye(3)[labels][:, :2])
    squared = sum(np.corrcoef(a[:, i], b[:, i])[0, 1] ** 2 for i in range(2))
    assert h_score(x, labels, shrinkage=0.0).value == pytest.approx(squared, rel=1e-6)


def test_the_shrunk_score_is_that_of_ledoit_and_wolfs_covariance():
    x, labels = example(30, 50)
    covariance, a = ledoit_wolf(x)
    mean = np.stack([x[labels == k].mean(0) for k in range(3)])[labels] - x.mean(0)
    expected = (1 - a) * np.trace(np.linalg.solve(covariance, mean.T @ mean / 30))
    assert h_score(x, labels).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_the_standard_error_is_near_the_jackknife(shrinkage):
    x, labels = example(200, 4)
    deleted = np.array([h_score(np.delete(x, i, 0), np.delete(labels, i), shrinkage).value for i in range(len(labels))])
    jackknife = np.sqrt(199 / 200 * np.sum((deleted - deleted.mean()) ** 2))
    assert h_score(x, labels, shrinkage).stderr == pytest.approx(jackknife, rel=0.05)


def test_a_rotation_changes_nothing_and_a_class_that_is_told_more_scores_more():
    x, labels = example(100, 5)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))
    assert h_score(x @ turn, labels).value == pytest.approx(h_score(x, labels).value)
    assert h_score(x + 2 * np.eye(5)[labels], labels).value > h_score(x, labels).value


def test_more_features_than_rows_need_shrinkage():
    x, labels = example(20, 30)
    with pytest.raises(HarnessError, match="has no inverse; use shrinkage"):
        h_score(x, labels, shrinkage=0.0)
    with pytest.raises(HarnessError, match="expected two classes"):
        h_score(x, np.zeros(20, dtype=int))
    with pytest.raises(HarnessError, match="the same features"):
        h_score(np.ones((20, 3)), labels)
