"""The interval's coverage under the stopping rule, by simulation, and what the rule refuses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.ratio import ratio_estimate


def stopped_coverage(
    terms: NDArray[np.float64], tokens: NDArray[np.float64], truth: float, rule: StoppingRule
) -> tuple[float, float]:
    """Fraction of runs (rows) whose interval at the stop holds the truth, and the mean number of terms at the stop."""
    inside, used = 0, 0
    for a, n in zip(terms, tokens, strict=True):
        narrow = 0
        for count in range(rule.minimum, len(a) + 1, rule.every):
            found = ratio_estimate(a[:count], n[:count], np.arange(count))
            narrow = narrow + 1 if rule.satisfied(found) else 0
            if rule.confirmed(narrow):
                break
        inside += found.low <= truth <= found.high
        used += count
    return inside / len(terms), used / len(terms)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "spread", "most"), [(0.05, 0.17, 240), (0.05, 0.284, 240), (0.02, 0.1, 240), (0.1, 0.6, 400)]
)
def test_nominal_95_percent_covers(precision: float, spread: float, most: int) -> None:
    """Gamma terms of the relative spread seen on trained models, sequences of unequal length."""
    generator = np.random.default_rng(0)
    tokens = generator.integers(40, 128, (1200, most)).astype(float)
    terms = 3.0 * tokens * generator.gamma(1 / spread**2, spread**2, tokens.shape)
    covered, used = stopped_coverage(terms, tokens, 3.0, StoppingRule(precision=precision))
    assert 0.93 < covered < 0.97
    assert used < most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sigma", "precision", "most"),
    [(0.5, 0.1, 256), pytest.param(0.7, 0.1, 400, marks=pytest.mark.slow), (1.0, 0.05, 256)],
)
def test_heavy_tails_are_covered_where_the_rule_stops(sigma: float, precision: float, most: int) -> None:
    """Lognormal terms, at the default precision and maximum among others: the rule likes to stop before a heavy one."""
    generator = np.random.default_rng(1)
    terms = generator.lognormal(-(sigma**2) / 2, sigma, (1500, most))
    covered, _ = stopped_coverage(terms, np.ones_like(terms), 1.0, StoppingRule(precision=precision, every=8))
    assert 0.93 < covered < 0.97


@pytest.mark.slow
def test_a_minimum_of_two_would_not_cover() -> None:
    """The tests above can fail: without a pilot the rule stops on luck."""
    generator = np.random.default_rng(0)
    terms = generator.lognormal(-0.5, 1, (1000, 240))
    rule = StoppingRule(precision=0.5, minimum=2, every=1)
    assert stopped_coverage(terms, np.ones_like(terms), 1.0, rule)[0] < 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": 5.0}, "precision is 5.0"),
        ({"minimum": 1}, "minimum is 1"),
        ({"maximum": 10}, "maximum is 10 sequences, fewer than the minimum of 32"),
    ],
)
def test_values_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        StoppingRule(**options)
