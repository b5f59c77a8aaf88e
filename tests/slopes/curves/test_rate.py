"""BLEU against loss, log BLEU = log C + k L, on numbers like those of a scaling study: chosen by rule, and its errors cover."""

from __future__ import annotations

import numpy as np
import pytest

from harness.slopes import fit_cell
from harness.slopes.cell import Axis, Cell, Fit, Point
from harness.slopes.curves.base import Scale
from harness.slopes.curves.least_squares import fit
from harness.slopes.curves.link import EXPONENTIAL
from harness.slopes.curves.rate import rate_of

LOSS = Axis("news", "nats_per_token", "nats per token", False)
BLEU = Axis("news", "bleu", "points", True, chance=0.4, best=100.0)
K = -0.9
"""From 2 to 5 nats BLEU falls from about 35 to 2, as from the largest to the smallest model of Gordon, Duh and Kaplan 2021."""


def study(seed: int, noise: float = 0.4, n: int = 18, floor: float = 0.8) -> Fit:
    """One fit of models that are runs of their own, with the noise of BLEU on a test set of 3,000 segments."""
    rng = np.random.default_rng(seed)
    loss = np.sort(rng.uniform(2.0, 5.0, n))
    bleu = 35 * np.exp(K * (loss - 2)) + rng.normal(0, noise, n)
    points = tuple(Point(f"m{i}", f"m{i}", f"m{i}", None, x, y, 0.002, noise, y_floor=floor)
                   for i, (x, y) in enumerate(zip(loss.tolist(), bleu.tolist(), strict=True)))  # fmt: skip
    return fit_cell(Cell("scaling", LOSS, BLEU, points))


def test_the_exponential_is_chosen_and_its_slope_and_rate_cover() -> None:
    fits = [study(seed) for seed in range(40)]
    picked = [found for found in fits if found.model == "exponential"]
    assert len(picked) >= 34 and all(found.model != "linear" for found in fits)
    covered = within = 0
    for found in picked:
        low, high = found.window
        truth = 35 * (np.exp(K * (low - 2)) - np.exp(K * (high - 2))) / (high - low) * found.per
        covered += found.interval.low <= truth <= found.interval.high
        rate = rate_of(found.fitted)
        within += abs(rate.value - K) <= 2.2 * rate.stderr
    assert covered / len(picked) >= 0.87 and within / len(picked) >= 0.87


def test_points_weigh_by_the_delta_method() -> None:
    """An error of BLEU of one size is s / y of log BLEU: weighted least squares of the logarithm gives the same line."""
    rng = np.random.default_rng(1)
    x = np.linspace(2, 5, 12)
    y = 35 * np.exp(K * (x - 2)) * np.exp(rng.normal(0, 0.05, 12))
    found = fit(EXPONENTIAL, x, y, np.arange(12), Scale(0.0, 100.0))
    first = np.exp(np.polyval(np.polyfit(x, np.log(y), 1), x))
    slope, intercept = np.polyfit(x, np.log(y), 1, w=first)  # weights of residuals: 1 / (s / y), y as first fitted
    assert found.coefficients.tolist() == pytest.approx([intercept, slope])
    assert np.allclose(EXPONENTIAL.weights(y, Scale()), np.maximum((y / y.max()) ** 2, 1e-4))


def test_points_near_their_floor_are_left_out() -> None:
    found = study(3, noise=1.2, floor=2.0)
    left_out = {name for name, end in found.excluded if end == "floor"}
    expected = {p.name for p in found.cell.points if p.y - 2.0 <= 2 * 1.2}
    assert left_out == expected and expected and "CENSORED" in {flag.code for flag in found.flags}
    assert "(floor 2)" in next(flag.text for flag in found.flags if flag.code == "CENSORED")


def test_only_an_exponential_has_a_rate() -> None:
    assert rate_of(None) is None and rate_of(study(0, noise=0.1).fitted) is not None
