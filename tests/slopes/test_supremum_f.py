"""A break is found where it was planted, and nowhere in nineteen of twenty straight lines."""

from __future__ import annotations

import numpy as np
import pytest

from harness.slopes.supremum_f import break_of


def test_size_under_no_break() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(2, 3.5, 16)
    p = np.array([break_of(x, 1 - 0.2 * x + rng.normal(0, 0.01, 16)).p for _ in range(1500)])
    assert 0.03 < np.mean(p <= 0.05) < 0.07


def test_a_planted_break_is_found_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(2, 3.5, 20)
    truth = 0.8 - 0.35 * (x - 2) + 0.33 * np.maximum(x - 2.8, 0)
    found = [break_of(x, truth + rng.normal(0, 0.01, 20)) for _ in range(300)]
    assert np.mean([f.p < 0.05 for f in found]) > 0.95
    assert np.mean([f.low <= 2.8 <= f.high for f in found]) > 0.91  # .95, Monte-Carlo error .013
    assert np.mean([f.before for f in found]) == pytest.approx(-0.35, abs=0.02)


@pytest.mark.parametrize("x", [[1.0] * 8, [1.0] * 7 + [2.0], [1.0, 2, 3]])
def test_no_room_for_a_break(x: list[float]) -> None:
    assert break_of(np.array(x) + 0.0, np.arange(len(x)) * 1.0) is None
