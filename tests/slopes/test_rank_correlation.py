from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.slopes.rank_correlation import rank_correlation


def test_rho_and_p_are_scipy_s():
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    found, theirs = rank_correlation(x, y), stats.spearmanr(x, y)
    assert (found.rho, found.p, found.n) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue), 12)
    assert found.low < found.rho < found.high


def test_a_perfect_order_has_an_interval_inside_minus_one_and_one():
    found = rank_correlation(np.arange(8.0), np.arange(8.0) ** 3)
    assert found.rho == pytest.approx(1) and 0.9 < found.low < found.high <= 1


@pytest.mark.parametrize(("n", "truth"), [(7, 0.0), (7, 0.7), (20, 0.0), (20, 0.9)])
def test_the_interval_covers(n, truth):
    """Normal pairs of Pearson r have Spearman's 6/pi asin(r/2)."""
    rng, hits, draws = np.random.default_rng(n), 0, 1500
    r = 2 * math.sin(truth * math.pi / 6)
    for _ in range(draws):
        x = rng.normal(size=n)
        y = r * x + math.sqrt(1 - r * r) * rng.normal(size=n)
        found = rank_correlation(x, y)
        hits += found.low <= truth <= found.high
    assert hits / draws >= 0.93
