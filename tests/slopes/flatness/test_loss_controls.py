"""What is held fixed of the loss is the tangent of each family's curve, and where it is noisy y counts for less where steep."""

from __future__ import annotations

import numpy as np
import pytest

from harness.slopes.arrays import fit_points
from harness.slopes.flatness.controls import loss_controls, slopes_of
from harness.slopes.flatness.freedman_lane import directions, freedman_lane

RNG = np.random.default_rng(0)
X = np.linspace(2, 3.5, 16)
LINE = fit_points(X, 0.9 - 0.1 * X + RNG.normal(0, 0.002, 16), family="line")
SIGMOID = fit_points(X, 0.3 + 0.55 / (1 + np.exp(6 * (X - 2.7))) + RNG.normal(0, 0.001, 16), family="sigmoid")


def left_of(values: np.ndarray, basis: np.ndarray) -> float:
    """The share of values that the basis does not span."""
    return float(np.linalg.norm(values - basis @ (basis.T @ values)) / np.linalg.norm(values))


def test_a_line_is_held_fixed_by_an_intercept_the_loss_and_a_square() -> None:
    assert (LINE.model, SIGMOID.model) == ("linear", "sigmoid")
    found = loss_controls(X, [LINE] * 16)
    assert found.shape == (16, 3) and found.T @ found == pytest.approx(np.eye(3))
    assert left_of(X**2, found) < 1e-7 and left_of(X**3, found) > 1e-3


def test_a_sigmoid_is_held_fixed_with_its_shape() -> None:
    """A sigmoid with a slightly other middle and rate is spanned to second order, and a line with no more than a square is not."""
    nearby = 0.31 + 0.54 / (1 + np.exp(6.05 * (X - 2.705)))
    assert left_of(nearby, loss_controls(X, [SIGMOID] * 16)) < 1e-3 < left_of(nearby, loss_controls(X, [LINE] * 16))


def test_each_family_has_a_tangent_of_its_own() -> None:
    found = loss_controls(np.tile(X, 2), [LINE] * 16 + [SIGMOID] * 16)
    level = np.repeat([0.0, 1.0], 16)
    assert left_of(level, found) < 1e-7 and left_of(level * np.tile(X, 2), found) > 1e-3 > left_of(
        (1 - level) * np.tile(X, 2), found
    )
    steep = slopes_of(np.tile(X, 2), [LINE] * 16 + [SIGMOID] * 16)
    assert steep[:16] == pytest.approx(LINE.slope) and steep[16:].min() == pytest.approx(-0.55 * 6 / 4, rel=0.1)


def test_directions_that_follow_from_others_are_left_out() -> None:
    columns = RNG.normal(size=(10, 2))
    found = directions(np.column_stack([columns, columns @ [1.0, 1e3], np.zeros(10)]))
    assert found.shape == (10, 2) and left_of(columns[:, 0], found) < 1e-9


def test_weights_are_those_of_weighted_least_squares() -> None:
    """The partial correlation with variances is that of statsmodels' weighted fit: t = r sqrt(freedom / (1 - r²))."""
    import statsmodels.api as sm

    variance, flatness = RNG.uniform(0.1, 2, 16), RNG.normal(size=16)
    y = 1 - X + 0.3 * flatness + RNG.normal(0, np.sqrt(variance))
    controls = np.column_stack([np.ones(16), X])
    found = freedman_lane(y, flatness, controls, ["a"] * 16, variance=variance, permutations=99)
    t = sm.WLS(y, np.column_stack([controls, flatness]), weights=1 / variance).fit().tvalues[2]
    assert found.r * np.sqrt(13 / (1 - found.r**2)) == pytest.approx(t)
