"""Prediction intervals hold new checkpoints, the mean's interval the mean; the inverse comes back to where it began."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes import fit_points
from harness.slopes.prediction import needed, predict

X = np.linspace(2, 3.5, 14)


def truth(x):
    return 0.25 + 0.75 / (1 + np.exp(2.5 * (x - 2.6)))


def draw(rng):
    return fit_points(X, truth(X) + rng.normal(0, 0.01, X.size), chance=0.25, best=1.0)


@pytest.mark.slow
def test_new_checkpoints_fall_inside() -> None:
    rng = np.random.default_rng(0)
    new, mean = [], []
    for _ in range(250):
        found = predict(draw(rng), 2.8)
        new.append(found.low <= truth(2.8) + rng.normal(0, 0.01) <= found.high)
        mean.append(found.mean_low <= truth(2.8) <= found.mean_high)
        assert found.high - found.low > found.mean_high - found.mean_low
    assert 0.91 <= np.mean(new) <= 0.995
    assert np.mean(mean) >= 0.86  # given the curve; after the choice among curves it is about .90


def test_the_loss_that_a_score_takes() -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(100):
        found = needed(draw(rng), float(truth(2.7)))
        assert not found.extrapolated and found.x == pytest.approx(2.7, abs=0.1)
        held.append(found.low <= 2.7 <= found.high)
    assert np.mean(held) >= 0.88


def test_what_cannot_be_said() -> None:
    fit = draw(np.random.default_rng(2))
    assert predict(fit, 5.0).extrapolated and needed(fit, 0.999999).x is None
    with pytest.raises(HarnessError, match="no prediction for y of points: REFUSE-LEVELS"):
        predict(fit_points([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), 2.0)
    for ask in (predict, needed):
        with pytest.raises(HarnessError, match="give a finite number"):
            ask(fit, float("nan"))
    with pytest.raises(HarnessError, match="measure five checkpoints or more"):
        predict(fit_points([2.0, 2.3, 2.5, 3.0], [0.5, 0.45, 0.4, 0.3]), 2.0)
