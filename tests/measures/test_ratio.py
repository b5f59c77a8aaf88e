"""The ratio estimator against the plain mean, and against simulation with clusters."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.ratio import ratio_estimate, skewness, t_quantile


def test_equal_tokens_reduce_to_the_mean_and_its_t_interval() -> None:
    half = np.random.default_rng(0).normal(0, 1, 25)
    terms = np.concatenate([5 + half, 5 - half])  # not skewed
    estimate = ratio_estimate(terms, np.ones(50, dtype=np.int64), np.arange(50))
    assert estimate.value == pytest.approx(terms.mean())
    assert estimate.stderr == pytest.approx(terms.std(ddof=1) / np.sqrt(50))
    assert estimate.high - estimate.low == pytest.approx(2 * t_quantile(49) * estimate.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample", "mean"),
    [
        (lambda random, n: random.lognormal(0, 0.5, n), np.exp(0.125)),
        (lambda random, n: random.lognormal(0, 1, n), np.exp(0.5)),
        (lambda random, n: random.gamma(0.5, 1, n), 0.5),
        (lambda random, n: -random.gamma(0.5, 1, n), -0.5),
        (lambda random, n: np.abs(random.standard_t(3, n)), 2 * 3**0.5 / np.pi),
    ],
    ids=["lognormal .5", "lognormal 1", "gamma", "minus gamma", "t of 3"],
)
@pytest.mark.parametrize("count", [32, 64, 256])
def test_heavy_tails_are_covered(sample, mean, count: int) -> None:
    """Terms of single clusters with skewness up to 6, at the least number of clusters and above: .93 to .97."""
    random = np.random.default_rng(count)
    tokens, clusters = random.integers(40, 128, (1500, count)), np.arange(count)
    inside = 0
    for n in tokens:
        found = ratio_estimate(n * sample(random, count), n, clusters)
        inside += found.low <= mean <= found.high
    assert 0.92 < inside / 1500 < 0.97


def test_without_the_skewness_removed_heavy_tails_are_not_covered() -> None:
    random, inside = np.random.default_rng(0), 0
    for _ in range(1500):
        found = ratio_estimate(random.lognormal(0, 1, 32), np.ones(32, dtype=np.int64), np.arange(32))
        inside += abs(found.value - np.exp(0.5)) <= t_quantile(31) * found.stderr
    assert inside / 1500 < 0.91


def test_clusters_widen_the_error_to_what_resampling_shows() -> None:
    """Sequences of one document share an effect: the clustered error is the true spread, the plain one is not."""
    generator = np.random.default_rng(0)
    documents, each = 60, 5
    values, clustered, plain = [], [], []
    for _ in range(300):
        tokens = generator.integers(5, 20, documents * each)
        shared = np.repeat(generator.normal(0, 1, documents), each)
        terms = tokens * (4 + shared + generator.normal(0, 0.3, documents * each))
        estimate = ratio_estimate(terms, tokens, np.repeat(np.arange(documents), each))
        values.append(estimate.value)
        clustered.append(estimate.stderr)
        plain.append(ratio_estimate(terms, tokens, np.arange(documents * each)).stderr)
    assert np.mean(clustered) == pytest.approx(np.std(values), rel=0.12)
    assert np.mean(plain) < 0.6 * np.std(values)


def test_one_document_is_refused() -> None:
    with pytest.raises(HarnessError, match="found 1 cluster"):
        ratio_estimate(np.ones(4), np.ones(4, dtype=np.int64), np.zeros(4, dtype=np.int64))


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e-120, 1.0, 1e150])
def test_skewness_has_no_unit(size: float) -> None:
    assert skewness(size * np.array([-1.0, -1.0, 2.0])) == pytest.approx(2**-0.5)
