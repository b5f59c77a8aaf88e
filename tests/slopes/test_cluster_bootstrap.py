"""Intervals of a mean over runs cover, with skewed slopes too, and are t's where slopes are normal."""

import numpy as np
import pytest

from harness.slopes.cluster_bootstrap import bootstrap_t
from harness.slopes.runs import Sample, mean_of_run_slopes


@pytest.mark.parametrize("kind", ["normal", "exponential"])
def test_coverage_with_twelve_runs(kind: str) -> None:
    rng = np.random.default_rng(5)
    held = []
    for _ in range(600):
        values = rng.normal(1, 1, 12) if kind == "normal" else rng.exponential(1, 12)
        low, high = bootstrap_t(values, draws=499)
        held.append(low <= 1 <= high)
    assert np.mean(held) >= (0.93 if kind == "normal" else 0.91)


@pytest.mark.slow
def test_many_normal_runs_give_the_t_interval() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap_t(values, draws=20000)
    half = 1.966 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.012)


def test_it_is_equivariant_and_needs_a_spread() -> None:
    values = np.random.default_rng(2).normal(size=11)
    low, high = bootstrap_t(values)
    assert bootstrap_t(-3 * values + 1) == pytest.approx((-3 * high + 1, -3 * low + 1))
    assert bootstrap_t(np.ones(11)) == (1.0, 1.0)


@pytest.mark.parametrize(("runs", "method"), [(9, "t(8) of 9 runs"), (10, "bootstrap-t over 10 runs")])
def test_from_ten_runs_on(runs: int, method: str) -> None:
    rng = np.random.default_rng(3)
    x = np.tile([2.0, 2.5, 3.0], runs)
    y = 0.9 - 0.2 * x + rng.normal(0, 0.01, x.size)
    labels = tuple(str(i) for i in np.repeat(np.arange(runs), 3))
    found = mean_of_run_slopes(Sample(x, y, labels, labels))
    assert found.method == method and found.interval()[0] < -0.2 < found.interval()[1]
    assert np.mean(found.slopes) == pytest.approx(found.slope)
