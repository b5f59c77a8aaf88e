"""McNemar's test beside statsmodels, and its interval by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar as theirs

from harness.errors import HarnessError
from harness.paired.mcnemar import mcnemar


def examples(both: int, only_a: int, only_b: int, neither: int):
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize("table", [(40, 12, 3, 10), (5, 0, 7, 2), (100, 9, 9, 0), (3, 1, 0, 3)])
def test_p_is_that_of_statsmodels(table):
    both, only_a, only_b, neither = table
    found = mcnemar(*examples(*table))
    assert found.p == pytest.approx(theirs([[both, only_a], [only_b, neither]], exact=True).pvalue, rel=1e-12)
    assert found.difference == pytest.approx((only_a - only_b) / sum(table))
    assert found.low < found.difference < found.high
    assert found.units == sum(table)


def test_no_example_that_tells_them_apart():
    found = mcnemar(*examples(5, 0, 0, 5))
    assert (found.p, found.difference, found.stderr) == (1.0, 0.0, 0.0)
    assert found.low < 0 < found.high


@pytest.mark.parametrize(("p_a", "p_b"), [(0.1, 0.1), (0.2, 0.05), (0.02, 0.0)])
def test_the_interval_covers_as_it_says(p_a, p_b):
    """Of 50 examples, over all outcomes: b ~ binomial, c ~ binomial given b."""
    n, covered, told = 50, 0.0, 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            chance = binom.pmf(b, n, p_a) * binom.pmf(c, n - b, p_b / (1 - p_a))
            if chance > 1e-7:
                found = mcnemar(*examples(n - b - c, b, c, 0))
                told += chance
                covered += chance * (found.low <= p_a - p_b <= found.high)
    assert told > 0.999
    assert 0.93 < covered / told <= 1.0


def test_bad_input():
    with pytest.raises(HarnessError, match=r"found \(3,\) for A and \(2,\) for B"):
        mcnemar(np.ones(3, dtype=bool), np.ones(2, dtype=bool))
