from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.measures.translation.metrics import METRICS
from harness.regress.difference import crossed, of_sums, of_values, paired, pseudo_values, unexplained


def test_pseudo_values_have_the_ratio_as_their_mean_and_its_error_as_their_scatter():
    draws = np.random.default_rng(1)
    tokens, nats = draws.integers(1, 50, (1, 200)).astype(float), draws.gamma(2, 30, (1, 200))
    found = pseudo_values(nats, tokens)[0]
    ratio = nats.sum() / tokens.sum()
    assert found.mean() == pytest.approx(ratio)
    left = (nats - ratio * tokens)[0]
    cochran = np.sqrt(np.sum(left**2) / (200 * 199)) / tokens.mean()
    assert found.std(ddof=1) / np.sqrt(200) == pytest.approx(cochran)


def test_a_difference_without_seeds_is_the_paired_t_of_scipy():
    draws = np.random.default_rng(2)
    before, now = draws.normal(0, 1, 50), draws.normal(0.1, 1, 50)
    found, theirs = paired(before, now), stats.ttest_rel(now, before)
    assert found.value / found.stderr == pytest.approx(theirs.statistic)
    assert found.freedom == 49 and found.exact is None and not found.unchanged


def test_right_and_wrong_have_mcnemars_exact_p_beside_them():
    before, now = np.array([1.0] * 9 + [0.0] * 3 + [1.0] * 88), np.array([0.0] * 9 + [1.0] * 3 + [1.0] * 88)
    assert paired(before, now, binary=True).exact == pytest.approx(
        stats.binomtest(9, 12, 0.5, alternative="greater").pvalue
    )


def test_two_way_components_are_those_of_the_analysis_of_variance():
    draws = np.random.default_rng(3)
    before, now = draws.normal(0, 1, (4, 30)), draws.normal(0, 1, (3, 30))
    found = crossed(before, now)
    of_seeds = before.mean(1).var(ddof=1) / 4 + now.mean(1).var(ddof=1) / 3
    of_examples = (now.mean(0) - before.mean(0)).var(ddof=1) / 30
    both = unexplained(before) / 120 + unexplained(now) / 90
    assert found.stderr**2 == pytest.approx(max(of_seeds + of_examples - both, of_seeds, of_examples))
    assert (found.seeds, found.examples) == (3, 30)


def test_unexplained_is_the_residual_mean_square_of_a_two_way_table():
    table = np.array([[3.0, 5.0, 4.0], [6.0, 6.0, 9.0]])
    grand, rows, columns = table.mean(), table.mean(1), table.mean(0)
    square = sum((table[i, j] - rows[i] - columns[j] + grand) ** 2 for i in range(2) for j in range(3))
    assert unexplained(table) == pytest.approx(square / 2)


def test_an_equal_table_is_unchanged_and_a_shift_of_all_is_sure():
    table = np.random.default_rng(4).normal(0, 1, (3, 40))
    assert crossed(table, table).unchanged
    assert paired(table[0], table[0]).unchanged
    shifted = paired(table[0], table[0] - 1)
    assert (
        shifted.value == pytest.approx(-1) and shifted.stderr == pytest.approx(0, abs=1e-12) and not shifted.unchanged
    )


def test_values_alone_add_their_errors_and_the_spread_of_seeds():
    found = of_values([0.5, 0.6], [0.7, 0.8], [0.03, 0.03, 0.04, 0.04])
    assert found.value == pytest.approx(0.2)
    assert found.stderr**2 == pytest.approx(2 * 0.005 / 2 + 0.03**2 + 0.04**2)
    without = of_values([0.5], [0.6], [None, None])
    assert without.stderr is None and without.value == pytest.approx(0.1)


def test_bleu_is_resampled_over_segments_with_randomisation_beside_it():
    draws = np.random.default_rng(5)
    bleu = METRICS["bleu"]
    counted = draws.integers(8, 20, (60, 1)) - np.arange(4)
    sides = [np.minimum(counted, np.round(counted * share)) for share in (0.6, 0.55)]
    length = counted[:, :1] + 0.0
    before, now = (np.hstack([length, length, matched, counted]) for matched in sides)
    found = of_sums(before, now, bleu.values)
    assert found.value == pytest.approx(float(bleu.values(now.sum(0)) - bleu.values(before.sum(0))))
    assert found.value < 0 < found.stderr and found.exact < 0.05 and found.examples == 60


@pytest.mark.slow
@pytest.mark.parametrize(("between", "share"), [(0.0, 0.3), (0.05, 0.3), (0.3, 0.3)])
def test_the_two_way_interval_holds_what_it_says(between, share):
    draws, inside = np.random.default_rng(6), 0
    for _ in range(2000):
        example = draws.normal(0, share, 100)
        sides = [draws.normal(0, between, (3, 1)) + example + draws.normal(0, 0.3, (3, 100)) for _ in range(2)]
        found = crossed(*sides)
        inside += abs(found.value) <= stats.t.ppf(0.975, found.freedom) * found.stderr
    assert inside / 2000 > 0.94
