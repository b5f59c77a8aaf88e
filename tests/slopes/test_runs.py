"""The run is the unit: which design is recognised, and the arithmetic of each."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from harness.slopes.ordinary_least_squares import line_through, ordinary_least_squares
from harness.slopes.runs import (
    Sample,
    count_levels,
    design,
    leave_one_run_out_q2,
    level_tolerance,
    mean_of_run_slopes,
)


def sample(*runs: tuple[list[float], list[float]]) -> Sample:
    """Points of several runs, each given as its x and y."""
    x = np.array([value for xs, _ in runs for value in xs])
    y = np.array([value for _, ys in runs for value in ys])
    run = tuple(f"run {i}" for i, (xs, _) in enumerate(runs) for _ in xs)
    return Sample(x, y, run, tuple(str(i) for i in range(x.size)))


def flat(*xs: list[float]) -> Sample:
    """Runs of which only x matters."""
    return sample(*((x, [0.0] * len(x)) for x in xs))


def test_designs() -> None:
    assert design(flat([1.0], [2.0], [3.0], [4.0]), 0.01) == "one checkpoint per run"
    assert design(flat([1, 2, 3, 4]), 0.01) == "trajectory"
    assert design(flat([1, 2, 3], [1, 2, 4]), 0.01) == "trajectory"
    assert design(flat([1, 2, 3], [1, 2, 4], [1, 3]), 0.01) == "per-run slopes"
    assert design(flat([1, 2], [1, 3], [4.0]), 0.01) == "trajectory"
    assert design(flat([1, 2], [1, 3], [4.0], [5.0]), 0.01) == "one mean per run"
    assert design(flat([1, 2], [1, 2], [1.5], [1.5]), 0.01) == "trajectory"  # every run mean is 1.5


def test_a_run_that_spans_next_to_nothing_has_no_slope() -> None:
    narrow = flat([1, 2], [1, 2], [1.5, 1.51])
    assert design(narrow, 0.001) == "trajectory"


def test_mean_of_run_slopes_is_a_one_sample_t() -> None:
    rng = np.random.default_rng(3)
    runs = [(list(rng.normal(size=5)), list(rng.normal(size=5))) for _ in range(4)]
    fit = mean_of_run_slopes(sample(*runs))
    slopes = [line_through(np.array(x), np.array(y))[0] for x, y in runs]
    theirs = ttest_1samp(slopes, 0).confidence_interval()
    assert fit.slope == pytest.approx(np.mean(slopes))
    assert fit.interval() == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_leave_one_run_out_by_hand() -> None:
    s = sample(([0, 1], [0, 1]), ([0, 2], [1, 3]), ([1, 3], [5, 2]))
    press = 0.0
    for held in ("run 0", "run 1", "run 2"):
        out = np.array([run == held for run in s.run])
        slope, intercept = np.polyfit(s.x[~out], s.y[~out], 1)
        press += np.sum((s.y[out] - intercept - slope * s.x[out]) ** 2)
    assert leave_one_run_out_q2(s) == pytest.approx(1 - press / np.sum((s.y - s.y.mean()) ** 2))


def test_leave_one_run_out_of_single_checkpoints_is_press() -> None:
    rng = np.random.default_rng(4)
    s = sample(*(([value], [rng.normal()]) for value in rng.normal(size=8)))
    assert leave_one_run_out_q2(s) == pytest.approx(float(ordinary_least_squares(s.x, s.y).q2))


def test_no_q2_where_a_run_holds_all_the_spread() -> None:
    assert leave_one_run_out_q2(sample(([1, 2], [1, 2]), ([1], [1]), ([1], [1]))) is None


def test_run_means() -> None:
    means = sample(([0, 2], [1, 3]), ([5], [7])).run_means()
    assert means.x.tolist() == [1, 5] and means.y.tolist() == [2, 7] and means.run == ("run 0", "run 1")


def test_levels_do_not_chain() -> None:
    assert count_levels([0.0, 0.6, 1.2, 1.8], tolerance=1.0) == 2
    assert count_levels([], tolerance=1.0) == 0
    assert level_tolerance(np.array([0.0, 2.0]), noise=0.5) == 0.5
    assert level_tolerance(np.array([0.0, 2.0]), noise=0.0) == pytest.approx(0.002)
