from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.regress.cell import Compared, Difference, Name, Tolerance, status_of
from harness.regress.difference import paired
from harness.regress.needed import needed
from harness.regress.verdict import judged, p_beyond
from harness.slopes.multiplicity import holm


def cell(
    gain: float, stderr: float | None, *, tolerance: float = 0.01, freedom: float = 200, number: int = 0, **known
) -> Compared:
    plain = {"seeds": 0, "examples": 200, "example_variance": (stderr or 0) ** 2}
    least = known.pop("least_seeds", 0)
    difference = Difference(gain, stderr, freedom, "t", **{**plain, **known})
    return Compared(Name("task", "accuracy", f"m{number}"), "metric", "fraction", True, 0.8, 0.8 + gain, difference,
                  Tolerance(tolerance), least)  # fmt: skip


def verdict(*cells: Compared) -> list[str]:
    return [answer.verdict for answer in judged(cells, [True] * len(cells))]


@pytest.mark.parametrize(("found", "expected"), [
    (cell(-0.05, 0.01), "worse"),
    (cell(0.05, 0.01), "better"),
    (cell(-0.002, 0.001), "equivalent"),
    (cell(-0.02, 0.01), "undecided"),
    (cell(0.0, 0.02), "undecided"),
    (cell(-0.5, None), "undecided"),
    (cell(-0.5, 0.01, seeds=2, least_seeds=3), "undecided"),
    (cell(-0.5, 0.01, seeds=3, least_seeds=3), "worse"),
    (cell(0.0, 0.0, unchanged=True), "equivalent"),
    (cell(-0.5, 0.0), "worse"),
    (cell(-0.005, 0.0), "equivalent"),
    (cell(-0.05, 0.01, exact=0.06), "undecided"),
])  # fmt: skip
def test_each_verdict(found, expected):
    assert verdict(found) == [expected]


def test_a_drop_that_is_sure_and_small_is_equivalent_not_worse():
    sure = cell(-0.006, 0.001)
    assert verdict(sure) == ["equivalent"]
    assert verdict(replace(sure, tolerance=Tolerance(0.0))) == ["worse"]


def test_the_p_of_worse_is_scipys_one_sided_test_against_the_tolerance():
    draws = np.random.default_rng(0)
    before, now = draws.normal(0, 1, 40), draws.normal(-0.4, 1, 40)
    found = cell(0, 1, tolerance=0.1)
    found = replace(found, difference=paired(before, now))
    assert p_beyond(found, worse=True) == pytest.approx(
        stats.ttest_1samp(now - before, -0.1, alternative="less").pvalue
    )
    assert p_beyond(found, worse=False) == pytest.approx(
        stats.ttest_1samp(now - before, 0.1, alternative="greater").pvalue
    )
    turned = replace(found, higher_is_better=False)
    assert p_beyond(turned, worse=False) == pytest.approx(p_beyond(found, worse=True))


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = [0.04, 0.001, 0.03, 0.5, 0.012]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]) == []


def test_many_tests_raise_the_bar_and_those_that_do_not_count_raise_none():
    drop = cell(-0.035, 0.01)
    assert verdict(drop) == ["worse"]
    quiet = [cell(0.0, 0.01, number=n) for n in range(1, 20)]
    assert verdict(drop, *quiet)[0] == "undecided"
    apart = judged([drop, *quiet], [True] + [False] * 19)
    assert apart[0].verdict == "worse" and apart[0].fails


def test_a_metric_in_another_unit_is_tested_once_and_shares_the_verdict():
    drop = cell(-0.035, 0.01)
    copies = [replace(drop, name=Name("task", f"copy{n}", "m0"), copies=drop.name) for n in range(10)]
    found = judged([drop, *copies], [True] * 11)
    assert {answer.verdict for answer in found} == {"worse"}
    assert "in another unit" in found[1].text


def test_the_exit_status():
    answers = judged([cell(-0.05, 0.01), cell(0.0, 0.001, number=1)], [True, True])
    assert status_of(answers) == 1
    assert status_of(judged([cell(-0.05, 0.01)], [False])) == 0
    missing = replace(answers[1], verdict="missing")
    assert status_of([missing]) == 2 and status_of([missing, answers[0]]) == 1


def test_examples_needed_are_those_of_the_two_quantiles():
    found = cell(-0.03, 0.02)
    times = ((stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) * 0.02 / 0.02) ** 2
    assert needed(found, 0.05, 1) == f"about {math.ceil(times * 200):,} examples instead of 200"
    told = judged([found], [True])[0]
    assert told.verdict == "undecided" and "examples instead of 200" in told.needed


def test_seeds_needed_decide_with_the_power_they_promise():
    found = cell(-0.03, 0.02, seeds=3, least_seeds=3, seed_variance=0.0004, example_variance=0.0, freedom=4)
    seeds = int(needed(found, 0.05, 1).split()[1])
    error = math.sqrt(0.0004 * 3 / seeds)
    noncentral = stats.nct(2 * (seeds - 1), 0.02 / error)
    assert 0.75 < noncentral.sf(stats.t.ppf(0.95, 2 * (seeds - 1))) < 0.9


def test_what_cannot_be_decided_says_so():
    assert "at least 3 seeds" in needed(cell(-0.05, 0.01, seeds=1, least_seeds=3), 0.05, 1)
    assert "no number of examples" in needed(cell(-0.01, 0.01), 0.05, 1)
    assert "a standard error" in needed(cell(-0.05, None), 0.05, 1)
    examples_bound = cell(-0.0101, 0.02, seeds=3, least_seeds=3, seed_variance=0.0002)
    examples_bound = replace(examples_bound, difference=replace(examples_bound.difference, example_variance=0.0002))
    assert "more examples" in needed(examples_bound, 0.05, 1) or "examples instead" in needed(examples_bound, 0.05, 1)
