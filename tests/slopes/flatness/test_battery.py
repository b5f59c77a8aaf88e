"""Flatness that says nothing is called something in one of twenty, in both traps; flatness that does is found."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.fit import fit_cell
from harness.slopes.flatness.battery import battery
from harness.slopes.flatness.freedman_lane import freedman_lane
from harness.slopes.flatness.matched_loss import matched_loss

UP = Axis("loss", "nats_per_token", "nats per token", False)
DOWN = Axis("task", "accuracy", "fraction", True)


def sigmoid(loss):
    return 0.3 + 0.55 / (1 + np.exp(6 * (loss - 2.7)))


def answer(rng, n, *, own=0.0, curved=True, noise=0.01, loss_noise=0.0):
    """One family: metric a sigmoid of the loss, log trace curved in it, with a share of its own in the metric."""
    loss = np.sort(rng.uniform(2, 3.5, n))
    own_part = rng.normal(size=n)
    trace = np.exp((1.5 * (loss - 2.2) ** 2 if curved else loss) + 0.3 * own_part)
    error = rng.normal(size=n)
    y = sigmoid(loss) + noise * (own * -own_part + np.sqrt(1 - own**2) * error)
    seen = loss + rng.normal(0, loss_noise, n) if loss_noise else loss
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b), loss_noise or 1e-4, noise)
        for i, (a, b) in enumerate(zip(seen, y, strict=True))
    )
    fit = fit_cell(Cell("f", UP, DOWN, points))
    return battery([fit], {str(i): float(t) for i, t in enumerate(trace)}, "fisher")


@pytest.mark.parametrize("n", [15, pytest.param(30, marks=pytest.mark.slow)])
def test_curvature_is_not_taken_for_flatness(n: int, monkeypatch) -> None:
    monkeypatch.setattr("harness.slopes.flatness.freedman_lane.PERMUTATIONS", 299)
    rng = np.random.default_rng(n)
    p = np.array([answer(rng, n).partial.p for _ in range(200 if n > 15 else 60)])
    assert np.mean(p < 0.05) <= 0.13  # .05 with a Monte-Carlo error of .03; .016 in the slow one


@pytest.mark.slow
def test_what_is_there_is_found() -> None:
    rng = np.random.default_rng(4)
    found = [answer(rng, 15, own=0.8) for _ in range(60)]
    assert np.mean([a.partial.p < 0.05 and a.partial.r < 0 for a in found]) >= 0.6
    assert np.median([a.skill.delta for a in found]) > 0
    assert found[0].least_partial == pytest.approx(0.76, abs=0.03) and not found[0].flags


def test_a_noisy_loss_is_flagged() -> None:
    found = answer(np.random.default_rng(6), 30, loss_noise=0.1)
    assert "EIV" in {flag.code for flag in found.flags} and found.reliability < 0.99
    assert found.corrected is not None and answer(np.random.default_rng(6), 30).corrected is None
    few = answer(np.random.default_rng(6), 9)
    assert few is None or "UNDERPOWERED" in {flag.code for flag in few.flags}


def test_permutation_within_families_keeps_family_levels_apart() -> None:
    rng, families = np.random.default_rng(0), ["a"] * 10 + ["b"] * 10
    loss, level = rng.uniform(2, 3, 20), np.repeat([0.0, 1.0], 10)
    controls = np.column_stack([1 - level, level, loss])
    p = [
        freedman_lane(
            level + rng.normal(0, 0.1, 20), 5 * level + rng.normal(0, 1, 20), controls, families, permutations=299
        ).p
        for _ in range(200)
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.1
    with pytest.raises(HarnessError, match="nothing of its own"):
        freedman_lane(rng.normal(size=20), 2 * level, controls, families)


def test_matched_pairs_by_hand() -> None:
    loss = np.array([2.0, 2.001, 2.5, 2.501, 3.0])
    found = matched_loss(np.array([0.8, 0.7, 0.6, 0.5, 0.1]), loss, np.array([1.0, 2.0, 1.0, 2.0, 9.0]), 0.01)
    assert (found.s, found.pairs, found.groups) == (-2, 2, (2, 2))
    assert found.p == pytest.approx(0.5)  # of four permutations two are as extreme
    assert matched_loss(loss, loss, loss, 1e-6) is None


def test_exact_and_drawn_permutations_agree() -> None:
    rng = np.random.default_rng(1)
    y, flatness = rng.normal(size=9), rng.normal(size=9)
    together = matched_loss(y, np.zeros(9), flatness, 1.0)  # 9! is too many: drawn
    from scipy.stats import kendalltau

    assert together.p == pytest.approx(kendalltau(y, flatness, method="exact").pvalue, abs=0.03)


def test_a_control_that_says_as_much_is_named() -> None:
    """The metric follows the step; the trace is only a noisy copy of the step."""
    rng = np.random.default_rng(8)
    loss, step, copy = rng.uniform(2, 3, 20), rng.normal(size=20), rng.normal(0, 0.5, 20)
    y = 0.9 - 0.2 * (loss - 2) + 0.02 * step + rng.normal(0, 0.002, 20)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b), 1e-4)
        for i, (a, b) in enumerate(zip(loss, y, strict=True))
    )
    trace = {str(i): float(np.exp(value)) for i, value in enumerate(step + copy)}
    candidates = {"log steps": {str(i): float(value) for i, value in enumerate(step)}, "log size": {str(i): 1.0 for i in range(20)},
                  "log weight norm": {"0": 1.0}}  # fmt: skip
    found = battery([fit_cell(Cell("f", UP, DOWN, points))], trace, "fisher", candidates)
    (proxy,) = found.proxies  # a size that does not vary and a norm that is not known of all are passed over
    assert proxy.does_as_well(found.partial) and abs(proxy.partial.r) > 0.95
    assert abs(proxy.given.r) < abs(found.partial.r)
    assert "PROXY" in {flag.code for flag in found.flags}


def test_a_control_that_says_nothing_is_not() -> None:
    rng = np.random.default_rng(9)
    loss, own = rng.uniform(2, 3, 20), rng.normal(size=20)
    y = 0.9 - 0.2 * (loss - 2) - 0.02 * own + rng.normal(0, 0.002, 20)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b), 1e-4)
        for i, (a, b) in enumerate(zip(loss, y, strict=True))
    )
    trace = {str(i): float(np.exp(value)) for i, value in enumerate(own)}
    candidates = {"log steps": {str(i): float(value) for i, value in enumerate(rng.normal(size=20))}}
    found = battery([fit_cell(Cell("f", UP, DOWN, points))], trace, "fisher", candidates)
    assert not found.proxies[0].does_as_well(found.partial) and "PROXY" not in {flag.code for flag in found.flags}
    assert found.proxies[0].given.p < 0.01
