"""The median of pairwise slopes, and where its interval comes from."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import theilslopes

from harness.errors import HarnessError
from harness.slopes.theil_sen import theil_sen


def test_median_of_pairwise_slopes() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=11), rng.normal(size=11)
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(11) for j in range(i)]
    fit = theil_sen(x, y)
    assert fit.slope == pytest.approx(np.median(slopes), rel=1e-12)
    assert fit.intercept == pytest.approx(np.median(y) - fit.slope * np.median(x), rel=1e-12)
    assert min(slopes) <= fit.low < fit.slope < fit.high <= max(slopes)


def test_three_wild_points_of_eleven_do_not_move_it() -> None:
    x = np.arange(11.0)
    y = 2 * x + 1
    y[[0, 5, 10]] = [50.0, -90.0, 400.0]
    assert theil_sen(x, y).slope == pytest.approx(2.0)


@pytest.mark.parametrize(("n", "missed"), [(4, 2 / 24), (5, 2 / 120), (6, 12 / 720)])
def test_exact_coverage_over_every_order(n: int, missed: float) -> None:
    """With no slope every order of y is equally likely: the monotone ones leave out zero, and at six the nearly so."""
    x = np.arange(float(n))
    fit = theil_sen(x, np.array(list(permutations(range(n)))))
    assert np.mean((fit.low > 0) | (fit.high < 0)) == pytest.approx(missed)


def test_ties_that_leave_no_order_statistics_give_the_extreme_slopes() -> None:
    x = np.array([0.0] * 7 + [1.0, 2.0, 3.0])
    y = np.array([1.0] * 9 + [4.0])
    fit = theil_sen(x, y)
    assert (fit.low, fit.high) == (0.0, 3.0)


@pytest.mark.parametrize("n", [4, 5, 9, 30])
def test_equals_scipy_with_and_without_ties(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(20):
        x, y = np.round(rng.normal(size=n), 1), np.round(rng.normal(size=n), int(rng.integers(0, 5)))
        fit, theirs = theil_sen(x, y), theilslopes(y, x)
        ours = [float(value) for value in (fit.slope, fit.intercept, fit.low, fit.high)]
        assert ours == pytest.approx(list(theirs), rel=1e-12, abs=1e-12)


def test_many_fits_at_once_are_the_single_ones() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=9), np.round(rng.normal(size=(4, 2, 9)), 1)
    together = theil_sen(x, y)
    for place in np.ndindex(4, 2):
        alone = theil_sen(x, y[place])
        assert (together.slope[place], together.low[place], together.high[place]) == (
            alone.slope,
            alone.low,
            alone.high,
        )


def test_constant_x_is_an_error() -> None:
    with pytest.raises(HarnessError, match="at every point"):
        theil_sen([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
