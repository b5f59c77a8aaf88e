from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from harness.errors import HarnessError
from harness.measures.affinity.log_maximum_evidence import log_maximum_evidence, maximum_evidence


def density(features: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> float:
    """log p(y | F, alpha, beta) with the weights integrated out, as the density of a Gaussian vector."""
    covariance = features @ features.T / alpha + np.eye(len(y)) / beta
    return float(multivariate_normal(cov=covariance).logpdf(y))


def example(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d))
    return features, features @ rng.normal(size=d) * 0.5 + rng.normal(size=n)


@pytest.mark.parametrize(("n", "d"), [(30, 4), (20, 35)])
def test_it_is_the_largest_density_over_alpha_and_beta(n, d):
    features, y = example(n, d)
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    found = maximum_evidence(u, s**2, y, d)
    assert n * found.per_row == pytest.approx(density(features, y, found.alpha, found.beta), rel=1e-9)
    best = minimize(lambda p: -density(features, y, *np.exp(p)), [0.0, 0.0], method="Nelder-Mead",
                    options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000})  # fmt: skip
    assert n * found.per_row == pytest.approx(-best.fun, abs=1e-4)


def test_it_is_the_integral_over_the_weight():
    features, noise = example(12, 1, seed=3)
    y = 2 * features[:, 0] + 0.5 * noise
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    found = maximum_evidence(u, s**2, y, 1)
    weights = np.linspace(-20, 20, 400_001)
    residual = ((y[:, None] - features * weights[None]) ** 2).sum(0)
    logs = (
        6 * np.log(found.beta / 2 / np.pi) - found.beta / 2 * residual
        + 0.5 * np.log(found.alpha / 2 / np.pi) - found.alpha / 2 * weights**2
    )  # fmt: skip
    top = logs.max()
    integral = top + np.log(np.exp(logs - top).sum() * (weights[1] - weights[0]))
    assert 12 * found.per_row == pytest.approx(integral, abs=1e-6)


@pytest.mark.parametrize(("n", "d"), [(25, 3), (15, 20)])
def test_what_is_left_out_is_predicted_as_if_the_density_were_divided(n, d):
    features, y = example(n, d, seed=1)
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    found = maximum_evidence(u, s**2, y, d)
    whole = density(features, y, found.alpha, found.beta)
    for i in (0, 7, n - 1):
        rest = np.arange(n) != i
        without = density(features[rest], y[rest], found.alpha, found.beta)
        assert found.left_out[i] == pytest.approx(whole - without, abs=1e-8)


def test_the_standard_error_is_the_spread_of_new_samples():
    found = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(150, 3))
        found.append(log_maximum_evidence(x, x[:, 0] + rng.normal(size=150), classes=False))
    assert np.mean([f.stderr for f in found]) == pytest.approx(np.std([f.value for f in found]), rel=0.15)


def test_classes_are_the_mean_of_one_against_all():
    features, y = example(60, 5)
    labels = np.digitize(y, np.quantile(y, [0.3, 0.7]))
    each = [log_maximum_evidence(features, (labels == k).astype(float), classes=False).value for k in range(3)]
    assert log_maximum_evidence(features, labels, classes=True).value == pytest.approx(np.mean(each))


def test_bad_input_is_refused():
    features, y = example(10, 2)
    with pytest.raises(HarnessError, match="must vary"):
        log_maximum_evidence(features, np.ones(10), classes=False)
    with pytest.raises(HarnessError, match="expected two classes"):
        log_maximum_evidence(features, np.zeros(10, dtype=int), classes=True)
    with pytest.raises(HarnessError, match="not finite"):
        log_maximum_evidence(features * np.nan, (y > 0).astype(int), classes=True)
