"""Features that make slopes are found; features that do not, do not beat the plain mean on tasks left out."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.meta_regression import meta_regression
from harness.slopes.paule_mandel import paule_mandel

N = 30
TASKS = [f"task{i // 3}" for i in range(N)]
STDERR = np.full(N, 0.1)


def draws(effect: float, seed: int):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    return x, 1 + effect * x + rng.normal(0, 0.2, N) + rng.normal(0, STDERR)


@pytest.mark.slow
def test_an_effect_is_found_and_covered() -> None:
    found = []
    for seed in range(200):
        x, slopes = draws(0.3, seed)
        fit = meta_regression(slopes, STDERR, x[:, None], ["size"], TASKS)
        found.append((fit.low[1] <= 0.3 <= fit.high[1], fit.q2 > 0, fit.tau))
    covered, skilled, tau = np.array(found, dtype=float).mean(axis=0)
    assert 0.9 <= covered <= 0.99 and skilled > 0.9 and tau == pytest.approx(0.2, abs=0.03)


def test_noise_predicts_nothing() -> None:
    fits = [
        meta_regression(draws(0.0, s)[1], STDERR, draws(0.0, s + 999)[0][:, None], ["x"], TASKS) for s in range(100)
    ]
    assert np.median([fit.q2 for fit in fits]) < 0
    assert np.mean([fit.low[1] <= 0 <= fit.high[1] for fit in fits]) >= 0.88


def test_without_features_it_is_the_mean_of_families() -> None:
    _, slopes = draws(0.3, 1)
    fit = meta_regression(slopes, STDERR, np.zeros((N, 0)), [], TASKS)
    mean = paule_mandel(slopes, STDERR)
    assert (fit.coefficients[0], fit.low[0], fit.high[0]) == pytest.approx((mean.mean, mean.low, mean.high), rel=1e-6)
    assert fit.tau == pytest.approx(mean.tau, rel=1e-6)


def test_bad_input() -> None:
    x, slopes = draws(0.3, 2)
    for change, told in (((slopes[:5], STDERR[:5], x[:5, None], ["a"], TASKS[:5]), "ten slopes"),
                         ((slopes, STDERR * 0, x[:, None], ["a"], TASKS), "above zero"),
                         ((slopes, STDERR, np.ones((N, 1)), ["a"], TASKS), "do not vary")):  # fmt: skip
        with pytest.raises(HarnessError, match=told):
            meta_regression(*change)
