"""Whole fits: signs, designs, refusals by name, and never a number from bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes import Axis, Cell, Fit, Point, fit_all, fit_cell, fit_points, rows

LOSSES = np.array([2.0, 2.1, 2.25, 2.4, 2.5, 2.65, 2.8, 2.9, 3.0])
NOISE = np.array([1, -2, 1, 2, -1, -2, 0, 2, -1]) / 1000


def codes(fit: Fit) -> set[str]:
    """Codes of everything said about a fit."""
    return {flag.code for flag in (*fit.refusals, *fit.flags)}


def assert_no_number(fit: Fit) -> None:
    """A refused fit says why and states nothing."""
    assert fit.status == "refused" and fit.verdict == "refused" and fit.refusals
    for name in ("transfer_slope", "interval", "slope", "intercept", "r2", "q2", "window", "smallest_detectable"):
        assert getattr(fit, name) is None
    assert fit.lines == ()
    json.dumps(rows([fit]), allow_nan=False)


def test_falling_accuracy_is_good_transfer() -> None:
    fit = fit_points(LOSSES, 0.9 - 0.1 * LOSSES + NOISE)
    assert fit.slope == pytest.approx(-0.1, abs=0.003)
    assert fit.transfer_slope == pytest.approx(-0.1 * fit.slope) and fit.verdict == "positive"
    assert fit.interval.low < fit.transfer_slope < fit.interval.high
    assert fit.interval.method == "ordinary least squares, HC3 t(7)"
    assert (fit.window, fit.per, fit.n_levels, fit.n_runs) == ((2.0, 3.0), 0.1, 9, 9)


@pytest.mark.parametrize(
    ("upstream_higher", "higher", "sign"), [(False, True, -1), (False, False, 1), (True, True, 1), (True, False, -1)]
)
def test_sign_says_whether_better_goes_with_better(upstream_higher: bool, higher: bool, sign: int) -> None:
    fit = fit_points(
        LOSSES, 2 * LOSSES + NOISE, upstream_higher_is_better=upstream_higher, higher_is_better=higher,
        upstream_unit="BLEU",
    )  # fmt: skip
    assert fit.transfer_slope == pytest.approx(2 * sign, abs=0.01)
    assert fit.verdict == ("positive" if sign > 0 else "negative")
    assert fit.interval.low < fit.interval.high


def test_step_of_the_upstream_unit() -> None:
    def per(unit: str) -> float:
        return fit_points(LOSSES, LOSSES + NOISE, upstream_unit=unit).per

    units = ("nats per token", "nats per scored byte", "bits per byte", "BLEU")
    assert [per(unit) for unit in units] == [0.1, 0.1, 0.01, 1]


def test_planted_slope_of_three_runs() -> None:
    rng = np.random.default_rng(5)
    run = np.repeat(["a", "b", "c"], 9)
    x = np.tile(LOSSES, 3)
    y = 0.9 - 0.2 * x + np.repeat([0.0, 0.03, -0.02], 9) + rng.normal(0, 0.002, 27)
    fit = fit_points(x, y, run=run)
    assert fit.interval.method == "mean of per-run slopes, t(2) of 3 runs" and fit.status == "ok"
    assert fit.interval.low < 0.02 < fit.interval.high and fit.transfer_slope == pytest.approx(0.02, rel=0.05)
    assert fit.q2_method == "leave-one-run-out" and fit.n_runs == 3 and fit.n_points == 27
    pooled = next(line for line in fit.lines if "HC3" in line.interval.method)
    assert fit.interval.high - fit.interval.low < 0.1 * (
        pooled.interval.high - pooled.interval.low
    )  # runs differ in level


def test_one_run_is_a_trajectory() -> None:
    fit = fit_points(LOSSES, 1 - 0.1 * LOSSES + NOISE, run=["only"] * 9)
    assert fit.status == "trajectory" and "TRAJECTORY" in codes(fit)
    assert fit.q2_method == "leave-one-checkpoint-out" and fit.transfer_slope is not None
    assert "1 training run:" in fit.flags[0].text
    assert not rows([fit])[0]["ranked"]


def test_two_runs_are_a_trajectory_too() -> None:
    fit = fit_points(np.tile(LOSSES, 2), np.tile(1 - 0.1 * LOSSES + NOISE, 2), run=["a"] * 9 + ["b"] * 9)
    assert fit.status == "trajectory" and fit.n_levels == 9


def test_few_repeats_among_many_runs_become_means() -> None:
    x = np.append(LOSSES, [2.9, 3.1])
    fit = fit_points(x, 1 - 0.1 * x + np.append(NOISE, [0.05, -0.05]), run=[*"abcdefgh", "z", "z", "z"])
    assert fit.n_points == 11 and fit.n_runs == 9 and fit.interval.method == "ordinary least squares, HC3 t(7)"
    assert fit.status == "ok"


def test_four_points_use_hc3_since_order_statistics_cannot_reach_95_percent() -> None:
    fit = fit_points([2.0, 2.3, 2.6, 3.0], [0.8, 0.77, 0.75, 0.70])
    assert fit.status == "provisional" and "LEVERAGE" in codes(fit) and fit.max_leverage > 0.5
    assert fit.interval.method == "ordinary least squares, HC3 t(2)"
    five = fit_points([2.0, 2.3, 2.6, 3.0, 3.2], [0.8, 0.77, 0.75, 0.70, 0.69])
    assert five.interval.method == "Theil-Sen, order statistics"


def test_duplicate_x_is_allowed() -> None:
    x = np.repeat(LOSSES, 2)
    fit = fit_points(x, 1 - 0.1 * x + np.tile([0.001, -0.001], 9))
    assert fit.status == "ok" and fit.n_levels == 9 and fit.n_points == 18


@pytest.mark.slow
def test_smallest_detectable_is_the_slope_with_80_percent_power() -> None:
    rng = np.random.default_rng(6)

    def draw(slope: float) -> Fit:
        return fit_points(LOSSES, 1 - 10 * slope * LOSSES + rng.normal(0, 0.01, 9))

    planted = float(np.median([draw(0.0).smallest_detectable for _ in range(50)]))
    power = np.mean([draw(planted).verdict == "positive" for _ in range(150)])
    assert 0.7 < power < 0.93
    assert np.mean([draw(planted / 3).verdict == "positive" for _ in range(50)]) < 0.4


REFUSED = [
    ("REFUSE-LEVELS", [], [], {}),
    ("REFUSE-LEVELS", [2.0], [0.5], {}),
    ("REFUSE-LEVELS", [2.0, 2.5, 3.0], [0.5, 0.4, 0.3], {}),
    ("REFUSE-LEVELS", [2.0] * 6, [0.5, 0.4, 0.3, 0.5, 0.6, 0.2], {}),
    ("REFUSE-LEVELS", [2.0, 2.0, 3.0, 3.0, 2.5, 2.5], [0.5, 0.4, 0.3, 0.5, 0.6, 0.2], {}),
    ("REFUSE-LEVELS", [2.0, 2.0004, 2.0008, 3.0], [0.5, 0.4, 0.3, 0.2], {}),
    ("REFUSE-LEVELS", [2.0, 2.04, 2.5, 3.0], [0.5, 0.4, 0.3, 0.2], {"x_stderr": 0.05}),
    ("REFUSE-WINDOW", [2.0, 2.01, 2.02, 2.03, 2.04], [0.5, 0.4, 0.3, 0.2, 0.1], {}),
    ("REFUSE-WINDOW", [2.0, 2.1, 2.2, 2.3, 2.4], [0.5, 0.4, 0.3, 0.2, 0.1], {"x_stderr": 0.05}),
    ("REFUSE-WINDOW", [2.0] * 5, [0.5, 0.4, 0.3, 0.2, 0.1], {"upstream_unit": "BLEU"}),
    ("REFUSE-WINDOW", [1 + i * 1e-15 for i in range(5)], [0.5, 0.4, 0.3, 0.2, 0.1], {"upstream_unit": "BLEU"}),
    ("REFUSE-CONSTANT", [2.0, 2.2, 2.4, 2.6, 2.8], [0.691] * 5, {}),
    ("NOT-FINITE", [2.0, math.nan, 2.4, 2.6, 2.8], [0.5, 0.4, 0.3, 0.2, 0.1], {}),
    ("NOT-FINITE", [2.0, 2.2, 2.4, 2.6, 2.8], [0.5, math.inf, 0.3, 0.2, 0.1], {}),
    ("NOT-FINITE", [2.0, 2.2, 2.4, 2.6, 2.8], [0.5, 1e200, 0.3, 0.2, 0.1], {}),
    ("NOT-FINITE", [2.0, 2.2, 2.4, 2.6, 2.8], [0.5, 0.4, 0.3, 0.2, 0.1], {"x_stderr": math.nan}),
    ("NOT-FINITE", [2.0, 2.2, 2.4, 2.6, 2.8], [0.5, 0.4, 0.3, 0.2, 0.1], {"y_stderr": -0.1}),
]


@pytest.mark.parametrize(("code", "x", "y", "known"), REFUSED)
def test_refusals(code: str, x: list[float], y: list[float], known: dict[str, object]) -> None:
    fit = fit_points(x, y, **known)
    assert code in codes(fit)
    assert_no_number(fit)


def test_narrow_windows_are_a_matter_of_the_unit() -> None:
    x, y = 2 + 0.01 * np.arange(9), 0.5 - 0.01 * np.arange(9) + NOISE
    assert fit_points(x[:5], y[:5]).status == "refused"
    assert fit_points(x[:5], y[:5], upstream_unit="bits per byte").status == "provisional"


def test_incomparable_points_are_refused() -> None:
    axis = Axis("loss", "nats", "nats per token", False)
    points = tuple(Point(str(i), str(i), str(i), None, 2 + i / 10, 0.5 + i / 10) for i in range(9))
    fit = fit_cell(Cell("f", axis, axis, points, incomparable="the objectives differ."))
    assert codes(fit) == {"INCOMPARABLE"} and "objectives" in fit.refusals[0].text
    assert_no_number(fit)


def test_flags() -> None:
    x = LOSSES
    assert codes(fit_points(x, 1 - 0.1 * x + NOISE)) == set()
    assert codes(fit_points(x[:6], 1 - 0.1 * x[:6] + NOISE[:6])) >= {"PROVISIONAL"}
    assert "NO-SKILL" in codes(fit_points(x, [0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5]))
    stray = 1 - 0.1 * x + NOISE
    stray[-1] = 2.0
    assert "LEVERAGE" in codes(fit_points(x, stray))
    assert "FRAGILE" in codes(fit_points(x[-5:], stray[-5:]))
    far = np.append(x, 9.0)
    fit = fit_points(far, 1 - 0.1 * far + np.append(NOISE, 0))
    assert codes(fit) == {"LEVERAGE"} and fit.interval.method == "Theil-Sen, order statistics"
    assert "point 10" in fit.flags[0].text


def test_partial_values_are_marked() -> None:
    axis, metric = Axis("loss", "nats", "nats per token", False), Axis("t", "accuracy", "fraction", True)
    points = tuple(
        Point(str(i), str(i), str(i), None, x, y, partial=True)
        for i, (x, y) in enumerate(zip(LOSSES, 1 - 0.1 * LOSSES + NOISE, strict=True))
    )
    assert codes(fit_cell(Cell("f", axis, metric, points))) == {"PARTIAL"}


def test_order_of_all() -> None:
    axis, metric = Axis("loss", "nats", "nats per token", False), Axis("t", "accuracy", "fraction", True)

    def cell(family: str, slope: float, n: int) -> Cell:
        pairs = zip(LOSSES[:n], slope * LOSSES[:n] + NOISE[:n], strict=True)
        return Cell(family, axis, metric, tuple(Point(str(x), str(x), str(x), None, x, y) for x, y in pairs))

    fits = fit_all([cell("few", -9, 3), cell("flat", -0.1, 9), cell("steep", -0.3, 9), cell("wrong", 0.2, 9)])
    assert [fit.cell.family for fit in fits] == ["steep", "flat", "wrong", "few"]
    table = rows(fits)
    assert [row["status"] for row in table] == ["ok", "ok", "ok", "refused"]
    assert table[0]["slope_unit"] == "fraction per 0.1 nats per token" and table[2]["verdict"] == "negative"
    json.dumps(table, allow_nan=False)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"y": [1.0]}, "y has 1 values and x has 4"),
        ({"y": [1, 2, 3, 4], "run": ["a"]}, "run has 1 values"),
        ({"y": [1, 2, 3, 4], "x_stderr": [0.1, 0.2]}, "x_stderr has 2"),
        ({"y": ["a", "b", "c", "d"]}, "numbers"),
    ],
)
def test_columns_that_do_not_fit(known: dict[str, list[float]], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        fit_points([1.0, 2.0, 3.0, 4.0], **known)


def test_whatever_comes_in_a_number_is_finite() -> None:
    """Random small tables of ties, gaps, huge and tiny values: a refusal, or finite numbers and ordered ends."""
    rng = np.random.default_rng(7)
    pool = np.array([0.0, 1.0, 1.0, 2.0, -3.0, 1e-9, 1e9, 0.05, 1e-200, 1e99, 2.0000001, math.nan])
    fitted = 0
    for _ in range(300):
        n = int(rng.integers(0, 12))
        kinds = pool if rng.random() < 0.3 else pool[: int(rng.integers(1, 9))]
        x, y = rng.choice(kinds, n), rng.choice(kinds, n)
        fit = fit_points(x, y, run=rng.integers(0, 5, n), upstream_unit="BLEU")
        json.dumps(rows([fit]), allow_nan=False)
        if fit.status == "refused":
            assert_no_number(fit)
            continue
        fitted += 1
        assert fit.interval.low <= fit.transfer_slope <= fit.interval.high
        assert math.isfinite(fit.smallest_detectable) and fit.smallest_detectable >= 0
    assert fitted > 10
