"""Closed forms against statsmodels, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import line_through, ordinary_least_squares


@pytest.mark.parametrize("n", [3, 4, 9, 40])
def test_equals_statsmodels(n: int) -> None:
    rng = np.random.default_rng(n)
    x = np.round(rng.normal(3, 1, n), 1)  # some values repeat
    y = 0.9 - 0.05 * x + rng.normal(0, 0.02, n)
    fit = ordinary_least_squares(x, y)
    theirs = sm.OLS(y, sm.add_constant(x)).fit()
    robust = theirs.get_robustcov_results("HC3", use_t=True)
    influence = theirs.get_influence()
    assert [float(fit.intercept), float(fit.slope)] == pytest.approx(theirs.params, rel=1e-9)
    assert float(fit.stderr) == pytest.approx(theirs.bse[1], rel=1e-9)
    assert float(fit.stderr_hc3) == pytest.approx(robust.bse[1], rel=1e-7)
    assert [float(end) for end in fit.interval(robust=False)] == pytest.approx(theirs.conf_int()[1], rel=1e-7)
    assert [float(end) for end in fit.interval(robust=True)] == pytest.approx(robust.conf_int()[1], rel=1e-7)
    assert fit.leverage == pytest.approx(influence.hat_matrix_diag, rel=1e-9)
    assert fit.cook == pytest.approx(influence.cooks_distance[0], rel=1e-6)
    assert float(fit.r2) == pytest.approx(theirs.rsquared, rel=1e-9)
    assert float(fit.residual_sd) == pytest.approx(np.sqrt(theirs.mse_resid), rel=1e-9)


def test_q2_is_refitting_without_each_point() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=12), rng.normal(size=12)
    press = 0.0
    for i in range(12):
        slope, intercept = line_through(np.delete(x, i), np.delete(y, i))
        press += (y[i] - intercept - slope * x[i]) ** 2
    expected = 1 - press / np.sum((y - y.mean()) ** 2)
    assert float(ordinary_least_squares(x, y).q2) == pytest.approx(expected, rel=1e-10)


def test_many_fits_at_once_are_the_single_ones() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=7), rng.normal(size=(5, 3, 7))
    together = ordinary_least_squares(x, y)
    for place in np.ndindex(5, 3):
        alone = ordinary_least_squares(x, y[place])
        for name in ("slope", "intercept", "stderr", "stderr_hc3", "r2", "q2", "residual_sd", "cook"):
            assert getattr(together, name)[place] == pytest.approx(getattr(alone, name), rel=1e-9)


def test_points_on_the_line_have_no_influence() -> None:
    x = np.linspace(2, 3, 9)
    fit = ordinary_least_squares(x, 0.1 + 0.3 * x)
    assert float(fit.slope) == pytest.approx(0.3) and fit.cook.max() == 0.0
    assert float(fit.r2) == pytest.approx(1) and float(fit.q2) == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ([1.0, 2.0], [1.0, 2.0], "2 points"),
        ([], [], "0 points"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "shape"),
        ([1.0, 2.0, float("nan")], [1.0, 2.0, 3.0], "x holds NaN"),
        ([1.0, 2.0, 3.0], [1.0, float("inf"), 3.0], "y holds NaN or infinite"),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "at every point"),
        ([1.0, 1.0, 1.0, 5.0], [1.0, 2.0, 3.0, 4.0], "alone"),
        (["a", "b", "c"], [1.0, 2.0, 3.0], "numbers"),
    ],
)
def test_bad_input(x: list[float], y: list[float], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        ordinary_least_squares(x, y)
