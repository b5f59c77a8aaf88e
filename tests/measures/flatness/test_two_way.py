"""The error over documents and shared probes, by simulation and by a single way."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.flatness.two_way import two_way_estimate
from harness.measures.ratio import ratio_estimate, t_quantile


def simulated(random: np.random.Generator, rows: float, columns: float, both: float) -> np.ndarray:
    """Products of 40 documents and 10 probes around 5, with an effect of either and of the pair."""
    effects = rows * random.normal(size=(40, 1)) + columns * random.normal(size=(1, 10))
    return 5 + effects + both * random.normal(size=(40, 10))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns", "both"), [(1, 0, 1), (0, 1, 1), (1, 1, 3), (1, 0.5, 0.1)])
def test_covers_and_has_the_variance_of_repeated_samples(rows: float, columns: float, both: float) -> None:
    random, ones, documents = np.random.default_rng(0), np.ones(40, dtype=np.int64), np.arange(40)
    found = [two_way_estimate(simulated(random, rows, columns, both), ones, documents) for _ in range(1500)]
    values, variances = np.array([f.value for f in found]), np.array([f.stderr**2 for f in found])
    assert variances.mean() == pytest.approx(values.var(), rel=0.12)
    assert 0.93 < np.mean([f.low <= 5 <= f.high for f in found]) < 0.98


def test_is_the_ratio_estimator_where_probes_agree() -> None:
    random = np.random.default_rng(1)
    tokens, clusters = random.integers(1, 9, 20), np.arange(20) // 2
    terms = tokens * random.normal(3, 1, 20)
    both, one = two_way_estimate(terms[:, None].repeat(4, 1), tokens, clusters), ratio_estimate(terms, tokens, clusters)
    assert (both.value, both.stderr) == pytest.approx((one.value, one.stderr))
    half_width = t_quantile(9) * one.stderr
    assert (both.low, both.high) == pytest.approx(
        (one.value - half_width, one.value + half_width)
    ) and both.clusters == 10
    assert both.relative_half_width == pytest.approx(half_width / one.value)


def test_one_probe_has_no_error() -> None:
    with pytest.raises(HarnessError, match="found 1 probe"):
        two_way_estimate(np.ones((3, 1)), np.ones(3, dtype=np.int64), np.arange(3))
