"""Fits of published tables equal statsmodels' and scipy's, and are flagged as they must be."""

from __future__ import annotations

import pytest
from slope_examples import PLACES, cells_of, gold_fit, published, reference

from harness.slopes.fit import fit_all


@pytest.mark.parametrize("name", PLACES)
def test_published_lines(name: str) -> None:
    fit, gold = gold_fit(name), reference(name)
    lines = {(line.method, line.interval.method.split("(")[0]): line for line in fit.lines}
    plain = lines["ordinary least squares", "t"]
    hc3 = lines["ordinary least squares", "HC3 t"]
    robust = lines["Theil-Sen", "order statistics"]
    expected = {
        "n": fit.n_points, "slope": plain.slope, "intercept": plain.intercept, "theil_sen": robust.slope,
        "t_ci": [plain.interval.low, plain.interval.high], "hc3_ci": [hc3.interval.low, hc3.interval.high],
        "theil_sen_ci": [robust.interval.low, robust.interval.high], "r2": fit.r2, "q2_loo": fit.q2,
        "max_leverage": fit.max_leverage, "max_cook": fit.max_cook,
    }  # fmt: skip
    for quantity, found in expected.items():
        assert found == pytest.approx(gold[quantity], rel=1e-6), quantity


def test_headlines_follow_leverage() -> None:
    for name in PLACES:
        fit, gold = gold_fit(name), reference(name)
        robust = gold["max_leverage"] >= 0.5
        assert fit.slope == pytest.approx(gold["theil_sen" if robust else "slope"], rel=1e-6)
        low, high = gold["theil_sen_ci" if robust else "hc3_ci"]
        sign = 1 if fit.cell.downstream.metric in ("error", "ce") else -1
        assert fit.transfer_slope == pytest.approx(0.1 * sign * fit.slope, rel=1e-12)
        assert (fit.interval.low, fit.interval.high) == pytest.approx(sorted((0.1 * sign * low, 0.1 * sign * high)))
        assert fit.status == "ok" and fit.verdict == "positive"


@pytest.mark.parametrize("name", ["G13", "G13_table"])
def test_the_line_that_hangs_on_one_point_is_flagged(name: str) -> None:
    fit = gold_fit(name)
    assert {"LEVERAGE", "FRAGILE", "NO-SKILL"} <= {flag.code for flag in fit.flags}
    assert "sparsity=90" in next(flag.text for flag in fit.flags if flag.code == "LEVERAGE")
    assert "Theil-Sen" in fit.interval.method


def test_sound_lines_are_not_flagged() -> None:
    assert [flag.code for flag in gold_fit("G1").flags] == []
    assert [flag.code for flag in gold_fit("G6").flags] == []
    assert [flag.code for flag in gold_fit("G5").flags] == ["LEVERAGE"]  # Cook's distance 1.49


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
    assert fit.lines[0].slope == pytest.approx(-0.5395773)  # unweighted, as in Pearson 1901


def test_family_without_published_loss_is_refused() -> None:
    fits = [fit for fit in fit_all(cells_of(published("pruned_bert_table"))) if fit.status == "refused"]
    assert {fit.cell.family for fit in fits} == {"pruned_after_downstream"}
    assert all(fit.refusals[0].code == "REFUSE-LEVELS" for fit in fits)
