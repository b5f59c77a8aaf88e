"""The interval's coverage under the stopping rule, by simulation, and what the rule refuses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.ratio import t_quantile


def stopped_coverage(
    terms: NDArray[np.float64], tokens: NDArray[np.float64], truth: float, rule: StoppingRule
) -> float:
    """Fraction of runs (rows) whose interval at the stop holds the truth; all runs look together."""
    sums = [np.cumsum(x, axis=1) for x in (terms, tokens, terms * terms, terms * tokens, tokens * tokens)]
    inside, open_runs = 0, np.arange(len(terms))
    for count in range(rule.minimum, terms.shape[1] + 1, rule.every):
        a, n, aa, an, nn = (x[open_runs, count - 1] for x in sums)
        value = a / n
        residual = np.maximum(aa - 2 * value * an + value**2 * nn, 0)
        half = t_quantile(count - 1) * np.sqrt(residual / (count * (count - 1))) * count / n
        last = count + rule.every > terms.shape[1]
        stop = (half <= rule.precision * np.abs(value)) | last
        inside += int((np.abs(value - truth)[stop] <= half[stop]).sum())
        open_runs = open_runs[~stop]
    return inside / len(terms)


@pytest.mark.parametrize(("precision", "spread"), [(0.05, 0.17), (0.05, 0.284), (0.02, 0.17)])
def test_nominal_95_percent_covers(precision: float, spread: float) -> None:
    """Gamma terms of the relative spread seen on a trained model, sequences of unequal length."""
    generator = np.random.default_rng(0)
    shape = (2000, 600 if precision < 0.05 else 240)
    tokens = generator.integers(40, 128, shape).astype(float)
    terms = 3.0 * tokens * generator.gamma(1 / spread**2, spread**2, shape)
    assert 0.92 < stopped_coverage(terms, tokens, 3.0, StoppingRule(precision=precision)) < 0.97


def test_a_minimum_of_two_would_not_cover() -> None:
    """The test above can fail: without a pilot the rule stops on luck."""
    generator = np.random.default_rng(0)
    terms = generator.gamma(1 / 0.3**2, 0.3**2, (2000, 240))
    rule = StoppingRule(precision=0.2, minimum=2, every=1)
    assert stopped_coverage(terms, np.ones_like(terms), 1.0, rule) < 0.92


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
