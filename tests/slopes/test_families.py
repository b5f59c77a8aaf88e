"""Heterogeneity of the 42 printed points of the distil-adapt study, by formulas worked out elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from slope_examples import cells_of, published

from harness.errors import HarnessError
from harness.slopes import fit_points
from harness.slopes.analysis_of_covariance import analysis_of_covariance
from harness.slopes.board_wide import compared
from harness.slopes.families import at_least_common
from harness.slopes.ordinary_least_squares import ordinary_least_squares
from harness.slopes.paule_mandel import paule_mandel
from harness.slopes.welch import welch


@pytest.fixture(scope="module")
def families() -> list[tuple[np.ndarray, np.ndarray]]:
    cells = cells_of(published("kd_aug"))
    return [(np.array([p.x for p in c.points]), np.array([p.y for p in c.points])) for c in cells]


def test_slopes_are_not_equal(families) -> None:
    found = analysis_of_covariance(families)
    assert found.equal_slopes.f == pytest.approx(9.5778, abs=1e-4)
    assert (found.equal_slopes.between, found.equal_slopes.within) == (5, 30)
    assert found.equal_slopes.p == pytest.approx(1.53e-5, rel=1e-2)
    assert (found.within, found.pooled) == pytest.approx((0.52913, 0.13729), abs=1e-5)


def test_mean_of_families(families) -> None:
    fits = [ordinary_least_squares(x, y) for x, y in families]
    found = paule_mandel(np.array([float(f.slope) for f in fits]), np.array([float(f.stderr) for f in fits]))
    assert (found.mean, found.tau, found.i2) == pytest.approx((0.534875, 0.172632, 0.9371), abs=1e-4)
    assert (found.low, found.high) == pytest.approx((0.341891, 0.727859), abs=1e-4)
    assert (found.predict_low, found.predict_high) == pytest.approx((0.01221, 1.05754), abs=1e-4)
    assert np.ptp(found.shrunken) < np.ptp([float(f.slope) for f in fits])


def test_equal_families_have_no_spread_between() -> None:
    found = paule_mandel(np.array([0.5, 0.51, 0.49]), np.array([0.1, 0.1, 0.1]))
    assert (found.tau, found.i2) == (0.0, 0.0) and found.shrunken.tolist() == pytest.approx([0.5] * 3)
    with pytest.raises(HarnessError, match="two or more"):
        paule_mandel(np.array([0.5]), np.array([0.1]))


def test_equal_slopes_are_called_different_in_one_of_twenty() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(2, 3, 8)
    p = [
        analysis_of_covariance([(x, a - 0.2 * x + rng.normal(0, 0.01, 8)) for a in (0.8, 0.9, 1.0)]).equal_slopes.p
        for _ in range(2000)
    ]
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.065


def test_welch_of_two_is_the_square_of_welchs_t() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 9), rng.normal(0.5, 2, 14)
    stderrs = np.array([v.std(ddof=1) / np.sqrt(v.size) for v in (a, b)])
    found = welch(np.array([a.mean(), b.mean()]), stderrs, np.array([8.0, 13.0]))
    theirs = ttest_ind(a, b, equal_var=False)
    assert (found.f, found.p, found.within) == pytest.approx((theirs.statistic**2, theirs.pvalue, theirs.df))


def test_welch_of_four_errs_in_one_of_twenty() -> None:
    rng = np.random.default_rng(1)
    sizes = (6, 8, 10, 20)
    p = []
    for _ in range(2000):
        drawn = [rng.normal(0, 1 + i, n) for i, n in enumerate(sizes)]
        stderrs = np.array([v.std(ddof=1) / np.sqrt(v.size) for v in drawn])
        p.append(welch(np.array([v.mean() for v in drawn]), stderrs, np.array(sizes) - 1.0).p)
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.065


def test_one_curve_over_two_windows_is_no_difference_between_families() -> None:
    """Straight lines through it differ, as a curve's chords do; its average slopes over the shared window do not."""
    rng = np.random.default_rng(2)
    fits = []
    for family, x in (("wide", np.linspace(2.0, 3.4, 16)), ("narrow", np.linspace(2.4, 3.0, 16))):
        y = 0.3 + 0.55 / (1 + np.exp(6 * (x - 2.7))) + rng.normal(0, 0.003, 16)
        fits.append(fit_points(x, y, family=family))
    found = compared(fits)[0].comparison
    assert not found.straight and found.together
    assert found.covariance.equal_slopes.p < 0.01 < 0.05 < found.equal_slopes.p


def test_two_families_that_happen_to_agree_are_no_surer_than_their_errors() -> None:
    stderrs = np.array([0.1, 0.1])
    agreeing = paule_mandel(np.array([0.5, 0.5001]), stderrs)
    found = at_least_common(agreeing, stderrs)
    assert agreeing.high - agreeing.low < 0.01
    assert (found.low, found.high) == pytest.approx((agreeing.mean - 0.1386, agreeing.mean + 0.1386), abs=1e-4)
    apart = paule_mandel(np.array([0.1, 0.5, 0.9]), np.array([0.1, 0.1, 0.1]))
    assert at_least_common(apart, np.full(3, 0.1)) == apart
