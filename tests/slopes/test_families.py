"""Heterogeneity of the 42 printed points of the distil-adapt study, by formulas worked out elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from slope_examples import cells_of, published

from harness.errors import HarnessError
from harness.slopes.analysis_of_covariance import analysis_of_covariance
from harness.slopes.ordinary_least_squares import ordinary_least_squares
from harness.slopes.paule_mandel import paule_mandel


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
