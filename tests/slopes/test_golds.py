"""Fits of published tables equal statsmodels' and scipy's, and are flagged as they must be."""

from __future__ import annotations

import pytest
from slope_examples import PLACES, cells_of, gold_fit, published, reference

from harness.slopes.fit import fit_all
from harness.slopes.ordinary_least_squares import ordinary_least_squares


@pytest.mark.parametrize("name", PLACES)
def test_published_lines(name: str) -> None:
    fit, gold = gold_fit(name), reference(name)
    every = [line for line in fit.lines if line.censored] or fit.lines
    lines = {(line.method, line.interval.method.split("(")[0]): line for line in every}
    plain = lines["ordinary least squares", "t"]
    hc3 = lines["ordinary least squares", "HC3 t"]
    robust = lines["Theil-Sen", "order statistics"]
    whole = ordinary_least_squares([p.x for p in fit.cell.points], [p.y for p in fit.cell.points])
    if not fit.excluded:
        assert (fit.line_r2, fit.line_q2) == pytest.approx((gold["r2"], gold["q2_loo"]), rel=1e-6)
    expected = {
        "n": whole.n, "slope": plain.slope, "intercept": plain.intercept, "theil_sen": robust.slope,
        "t_ci": [plain.interval.low, plain.interval.high], "hc3_ci": [hc3.interval.low, hc3.interval.high],
        "theil_sen_ci": [robust.interval.low, robust.interval.high], "r2": whole.r2, "q2_loo": whole.q2,
        "max_leverage": whole.leverage.max(), "max_cook": whole.cook.max(),
    }  # fmt: skip
    for quantity, found in expected.items():
        assert found == pytest.approx(gold[quantity], rel=1e-6), quantity


def test_curves_are_those_of_the_literature() -> None:
    """Left-out errors and breaks that other code found on the same tables (scipy's curve_fit and a segmented fit)."""
    found = {name: gold_fit(name) for name in ("G1", "G2", "G5", "G6", "G8", "G12")}
    assert found["G1"].model == "exponential decay" and found["G1"].q2 > 0.98 > found["G1"].line_q2
    assert found["G1"].broken.at == pytest.approx(3.34, abs=0.1) and found["G2"].broken.at == pytest.approx(
        3.22, abs=0.1
    )
    errors = dict(found["G5"].tried)
    assert errors["sigmoid"] == pytest.approx(0.0050, abs=0.0003)
    assert (errors["logit"], errors["probit"]) == pytest.approx((0.0062, 0.0059), abs=0.0008)
    assert found["G5"].broken.at == pytest.approx(3.264, abs=0.03)
    assert found["G5"].model in ("sigmoid", "probit", "logit") and "BREAK" not in {
        flag.code for flag in found["G5"].flags
    }
    assert found["G12"].model == "linear" and "Theil-Sen" in found["G12"].interval.method
    assert all(fit.verdict == "positive" for fit in fit_all([fit.cell for fit in found.values()]))


@pytest.mark.parametrize("name", ["G13", "G13_table"])
def test_the_line_that_hangs_on_one_point_at_the_floor(name: str) -> None:
    fit = gold_fit(name)
    assert {"CENSORED", "LEVERAGE"} <= {flag.code for flag in fit.flags}
    left_out = {checkpoint.rsplit("/", 1)[-1]: end for checkpoint, end in fit.excluded}
    assert left_out == {"sparsity=80": "floor", "sparsity=90": "floor"}  # 0.700 and 0.691; chance is 0.691 +- 0.014
    assert fit.window[1] < 3 and -0.1 < fit.slope < -0.05  # the post's own line without its last point: -0.065


def test_sound_lines_are_not_flagged() -> None:
    assert [flag.code for flag in gold_fit("G6").flags] == []
    assert [flag.code for flag in gold_fit("G1").flags] == ["CURVED"]


def test_slopes_per_language_pair() -> None:
    raw = {"deen-ted": 0.6399931, "deen-wipo": 0.3034608, "ruen-ted": 0.6522237, "ruen-wipo": 0.6864876,
           "zhen-ted": 0.3277187, "zhen-wipo": 0.6751854}  # fmt: skip
    fits = fit_all(cells_of(published("kd_aug")))
    assert {fit.cell.family: fit.lines[0].slope for fit in fits} == pytest.approx(raw, rel=1e-6)
    assert all(fit.status == "provisional" and fit.per == 1 for fit in fits)
    transfer = [fit.transfer_slope for fit in fits]
    assert transfer == sorted(transfer, reverse=True)


def test_least_squares_of_pearson_data() -> None:
    (fit,) = fit_all(cells_of(published("york_pearson")))
    plain = next(line for line in fit.lines if line.method == "ordinary least squares")
    assert plain.slope == pytest.approx(-0.5395773)  # unweighted, as in Pearson 1901
    assert fit.lines[0].method == "York" and "EIV" in {flag.code for flag in fit.flags}


def test_family_without_published_loss_is_refused() -> None:
    fits = [fit for fit in fit_all(cells_of(published("pruned_bert_table"))) if fit.status == "refused"]
    assert {fit.cell.family for fit in fits} == {"pruned_after_downstream"}
    assert all(fit.refusals[0].code == "REFUSE-LEVELS" for fit in fits)
