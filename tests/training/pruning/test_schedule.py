from __future__ import annotations

import pytest

from harness.training.pruning.schedule import Schedule


def test_sparsity_rises_by_the_cubic_polynomial_of_zhu_and_gupta():
    schedule = Schedule(0.9, ramp=40, every=10)
    assert [schedule.sparsity(t) for t in (0, 10, 20, 30)] == pytest.approx(
        [0, 0.9 * 37 / 64, 0.9 * 7 / 8, 0.9 * 63 / 64]
    )
    assert schedule.sparsity(40) == schedule.sparsity(1000) == 0.9
    assert [step for step in range(100) if schedule.due(step)] == [0, 10, 20, 30, 40]


def test_the_last_choice_is_at_the_end_of_the_ramp_wherever_that_falls():
    assert [step for step in range(100) if Schedule(0.5, ramp=23, every=10).due(step)] == [0, 10, 20, 23]
