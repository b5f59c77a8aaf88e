"""The ratio estimator against the plain mean, and against simulation with clusters."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.ratio import ratio_estimate, t_quantile


def test_equal_tokens_reduce_to_the_mean_and_its_t_interval() -> None:
    terms = np.random.default_rng(0).normal(5, 1, 50)
    estimate = ratio_estimate(terms, np.ones(50, dtype=np.int64), np.arange(50))
    assert estimate.value == pytest.approx(terms.mean())
    assert estimate.stderr == pytest.approx(terms.std(ddof=1) / np.sqrt(50))
    assert estimate.high - estimate.low == pytest.approx(2 * t_quantile(49) * estimate.stderr)


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
