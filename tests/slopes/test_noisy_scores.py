"""A score on x has errors of its own: slopes are freed of them whatever way checkpoints were sampled."""

from __future__ import annotations

import numpy as np
import pytest

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.reliability import reliability_within
from harness.slopes.straight_line import straight_of

GENERAL = Axis("news", "bleu", "points", True)
LAW = Axis("law", "bleu", "points", True)
LOSS = Axis("news", "nats_per_token", "nats per token", False)
SLOPE, NOISE = 0.7, 1.5


def cell(rng: np.random.Generator, runs: int, steps: int, upstream: Axis = GENERAL) -> Cell:
    """Runs of checkpoints along a true line, both scores with noise of known size; the errors of x are large."""
    points = []
    for run in range(runs):
        for step in range(steps):
            true = 15 + 10 * step / (steps - 1) + 0.5 * run
            x, y = true + rng.normal(0, NOISE), SLOPE * true + rng.normal(0, 0.4)
            points.append(Point(f"{run}/{step}", f"{run}/{step}", f"run{run}", step, x, y, NOISE, 0.4))
    return Cell("f", upstream, LAW, tuple(points))


@pytest.mark.parametrize(("runs", "steps", "plan"), [(4, 6, "per-run slopes"), (2, 12, "trajectory")])
def test_slopes_are_not_flattened_by_noise_of_the_upstream_score(runs: int, steps: int, plan: str) -> None:
    rng, found, plain = np.random.default_rng(0), [], []
    for _ in range(60):
        line = straight_of(cell(rng, runs, steps))
        assert line.plan == plan
        found.append(line.lines[0].slope)
        plain.append(float(line.least_squares.slope))
    assert np.mean(found) == pytest.approx(SLOPE, abs=0.05) and np.mean(plain) < SLOPE - 0.06


def test_the_mean_of_run_slopes_says_what_it_was_divided_by() -> None:
    line = straight_of(cell(np.random.default_rng(1), 4, 6))
    assert line.share is not None and line.by_run.reliability == line.share
    assert f"each over the reliability {line.share:.3f}" in line.lines[0].interval.method


def test_a_loss_is_as_it_was_though_its_error_is_large() -> None:
    """Its text is the same for all checkpoints, and moves all of them alike."""
    noisy = straight_of(cell(np.random.default_rng(1), 4, 6, LOSS))
    assert noisy.share is None and noisy.errors is None and noisy.by_run.reliability == 1.0


def test_reliability_within_groups_has_no_use_for_what_is_between_them() -> None:
    x = np.array([0.0, 1.0, 2.0, 100.0, 101.0, 102.0])
    groups = [np.arange(3), np.arange(3, 6)]
    assert reliability_within(x, np.full(6, 0.5), groups) == pytest.approx(0.75)
    assert reliability_within(x, np.array([0.5] * 5 + [np.nan]), groups) is None
