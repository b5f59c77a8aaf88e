"""Flatness that copies the loss is not taken for more than the loss, though the loss is noisy."""

import numpy as np
import pytest

from harness.slopes.flatness.calibration import calibrated_loss
from harness.slopes.flatness.freedman_lane import freedman_lane

FAMILY = ["a"] * 60


def rates(reliability: float, own: float, draws: int) -> tuple[float, float]:
    """How often the measured and the calibrated loss, held fixed, let flatness come out significant."""
    rng = np.random.default_rng(3)
    counts = np.zeros(2)
    noise = np.sqrt(1 / reliability - 1)
    for _ in range(draws):
        loss = rng.normal(size=60)
        flatness = 0.7 * loss + np.sqrt(0.51) * rng.normal(size=60)
        y = -loss - own * flatness + rng.normal(0, np.sqrt(0.05 / 0.95), 60)
        seen = loss + rng.normal(0, noise, 60)
        for i, x in enumerate((seen, calibrated_loss(seen, np.full(60, noise), flatness, FAMILY).loss)):
            controls = np.column_stack([np.ones(60), x, x**2])
            counts[i] += freedman_lane(y, flatness, controls, FAMILY, permutations=199).p <= 0.05
    return counts[0] / draws, counts[1] / draws


def test_error_of_the_first_kind() -> None:
    naive, corrected = rates(0.8, 0.0, 150)
    assert naive > 0.6 and corrected <= 0.18  # .79 and .10, Monte-Carlo error .03


def test_what_is_there_is_found() -> None:
    assert rates(0.95, 0.25, 60)[1] > 0.75


def test_an_exact_loss_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    loss = rng.normal(size=20)
    families = ["a"] * 10 + ["b"] * 10
    found = calibrated_loss(loss, np.zeros(20), rng.normal(size=20), families)
    assert np.allclose(found.loss, loss) and found.variance == pytest.approx(0, abs=1e-12)
