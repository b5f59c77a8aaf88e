"""The paired t beside scipy and statsmodels, and its coverage over seeds and examples."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import ttest_rel

from harness.errors import HarnessError
from harness.paired.paired_t import paired_t


def test_without_clusters_it_is_scipys():
    a, b = np.random.default_rng(0).normal(size=(2, 30)) + np.array([[0.3], [0.0]])
    theirs = ttest_rel(a, b)
    found = paired_t(a, b)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-10)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)


def test_clusters_are_those_of_a_clustered_regression():
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(12), generator.integers(1, 6, size=12))
    a = generator.normal(size=len(clusters)) + generator.normal(size=12)[clusters]
    b = generator.normal(size=len(clusters))
    fitted = sm.OLS(a - b, np.ones(len(a))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    found = paired_t(a, b, clusters=clusters)
    assert found.stderr == pytest.approx(float(fitted.bse[0]) * np.sqrt(12 / 11), rel=1e-10)
    assert found.units == 12


def test_a_difference_of_ratios_is_near_its_bootstrap():
    generator = np.random.default_rng(2)
    tokens = generator.integers(5, 40, size=300).astype(float)
    level = generator.normal(3, 0.5, size=300)
    a, b = (tokens * (level + generator.normal(0, 0.2, size=300) + shift) for shift in (0.02, 0.0))
    found = paired_t(a, b, first_weights=tokens, second_weights=tokens)
    assert found.first == pytest.approx(a.sum() / tokens.sum())
    drawn = []
    for _ in range(2000):
        at = generator.integers(300, size=300)
        drawn.append((a[at].sum() - b[at].sum()) / tokens[at].sum())
    assert found.stderr == pytest.approx(np.std(drawn), rel=0.06)


@pytest.mark.parametrize(("by_seed", "by_example", "rest"), [(0.02, 0.1, 1.0), (0.1, 0.1, 0.5), (0.0, 1.0, 1.0)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_over_seeds_the_interval_covers_as_it_says(seeds, by_seed, by_example, rest):
    generator = np.random.default_rng(3)
    examples, trials, covered = 80, 600, 0
    for _ in range(trials):
        apart = (
            generator.normal(0, by_seed, size=(seeds, 1)) + generator.normal(0, by_example, size=examples)
            + generator.normal(0, rest, size=(seeds, examples))
        )  # fmt: skip
        common = generator.normal(size=examples)
        found = paired_t(common + apart, np.broadcast_to(common, apart.shape))
        covered += found.low <= 0 <= found.high
    assert covered / trials > 0.92
    assert found.seeds == seeds


def test_seeds_that_differ_count_although_examples_agree():
    """Two seeds move all examples alike: examples alone would say that the difference is sure."""
    example = np.random.default_rng(4).normal(size=200)
    a = np.stack([example + 0.3, example - 0.1, example + 0.1])
    found = paired_t(a, np.stack([example] * 3))
    assert found.difference == pytest.approx(0.1)
    assert found.stderr == pytest.approx(0.2 / np.sqrt(3))
    assert found.p == pytest.approx(ttest_rel([0.3, -0.1, 0.1], [0, 0, 0]).pvalue)


def test_equal_and_shifted_checkpoints():
    values = np.arange(5.0)
    assert paired_t(values, values).p == 1.0
    assert paired_t(values + 1, values).p == 0.0


def test_bad_input():
    with pytest.raises(HarnessError, match="are of 1 cluster"):
        paired_t(np.ones(4), np.zeros(4), clusters=[7, 7, 7, 7])
    with pytest.raises(HarnessError, match="found"):
        paired_t(np.ones(4), np.zeros(5))
