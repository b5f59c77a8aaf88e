"""Two groups on one line or two: least squares by another way, coverage by simulation, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.two_lines import Points, two_lines

N = 8
SECOND = np.repeat([False, True], N)


def points(x: np.ndarray, y: np.ndarray, x_stderr: float = np.nan, second: np.ndarray = SECOND) -> Points:
    """Points that are clusters of their own."""
    return Points(x, y, np.full(x.size, x_stderr), second, tuple(map(str, range(x.size))))


def drawn(rng: np.random.Generator, ahead: float = 0.0) -> np.ndarray:
    """True x of two groups, the second ``ahead`` of the first."""
    return np.tile(np.linspace(20, 30, N), 2) + ahead * SECOND + rng.normal(0, 0.2, 2 * N)


def test_offset_and_slope_are_those_of_the_usual_models() -> None:
    rng = np.random.default_rng(0)
    x = drawn(rng, 1.5)
    y = 0.5 * x - 0.7 * SECOND + rng.normal(0, 0.3, 2 * N)
    found = two_lines([points(x, y)])
    fits = [np.polyfit(x[of], y[of], 1) for of in (~SECOND, SECOND)]
    assert found.slope.value == pytest.approx(fits[1][0] - fits[0][0])
    theta = np.linalg.lstsq(np.column_stack([np.ones(2 * N), x, SECOND]), y, rcond=None)[0]
    assert found.parallel and found.offset.value == pytest.approx(theta[2])
    assert found.shared == pytest.approx((x[SECOND].min(), x[~SECOND].max())) and found.reliability is None


def test_where_slopes_differ_the_offset_is_that_in_the_middle_of_what_both_have() -> None:
    rng = np.random.default_rng(1)
    x = drawn(rng)
    y = np.where(SECOND, 0.9 * x - 8, 0.5 * x) + rng.normal(0, 0.05, 2 * N)
    found = two_lines([points(x, y)])
    middle = sum(found.shared) / 2
    assert not found.parallel and found.slope.value == pytest.approx(0.4, abs=0.02)
    assert found.offset.value == pytest.approx(0.4 * middle - 8, abs=0.1)


@pytest.mark.slow
def test_a_noisy_upstream_score_does_not_make_an_offset() -> None:
    """The second group is ahead upstream by 4 of a noise of 1.5: by least squares it seems off the line, where it is not."""
    rng, hits, estimates, plain = np.random.default_rng(2), 0, [], []
    for _ in range(600):
        true = np.tile(np.linspace(20, 28, N), 2) + 4 * SECOND
        x, y = true + rng.normal(0, 1.5, 2 * N), true + rng.normal(0, 0.5, 2 * N)
        found = two_lines([points(x, y, 1.5)])
        low, high = found.offset.interval()
        hits += low <= 0 <= high
        estimates.append(found.offset.value)
        plain.append(two_lines([points(x, y)]).offset.value)
    assert abs(np.mean(estimates)) < 0.3 < np.mean(plain) and hits / 600 > 0.9


@pytest.mark.slow
def test_several_lines_have_one_offset_and_levels_of_their_own() -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        lines = []
        for level, slope in ((10.0, 0.3), (40.0, 0.7), (-5.0, 0.6)):
            x = drawn(rng)
            lines.append(points(x, level + slope * x - 0.4 * SECOND + rng.normal(0, 0.5, 2 * N)))
        lines = [
            Points(p.x, p.y, p.x_stderr, p.second, tuple(f"{i}{c}" for c in p.cluster)) for i, p in enumerate(lines)
        ]
        found = two_lines(lines)
        low, high = found.offset.interval()
        hits += low <= -0.4 <= high
    assert found.shared is None and 0.92 <= hits / 400 <= 0.98


def test_a_bend_is_no_offset() -> None:
    """The second group has the upper end alone, where a bent curve lies off the line through the first."""
    rng = np.random.default_rng(4)
    x = np.concatenate([np.linspace(20, 30, N), np.linspace(26, 30, N)])
    y = 0.2 * (x - 20) ** 2 + rng.normal(0, 0.2, 2 * N)
    found = two_lines([points(x, y)])
    straight = np.linalg.lstsq(np.column_stack([np.ones(2 * N), x, SECOND]), y, rcond=None)[0][2]
    assert found.bent and abs(found.offset.value) < 0.4 < abs(straight)


def test_what_cannot_be_compared_is_refused() -> None:
    x = np.arange(16.0)
    with pytest.raises(HarnessError, match="share no stretch"):
        two_lines([points(x, x)])
    few = np.arange(16) >= 14
    with pytest.raises(HarnessError, match="14 and 2 points"):
        two_lines([points(x, x, second=few)])
    with pytest.raises(HarnessError, match="no more than their noise"):
        two_lines([points(np.tile(np.arange(8.0), 2), x, x_stderr=20.0)])
