"""Paired differences: known answers, coverage by simulation, and what may not be paired."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slope_examples import record

from harness.errors import HarnessError
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.paired import compare, paired_difference
from harness.slopes.ordinary_least_squares import t_quantile

DOCUMENTS, TRUE_A, TRUE_B = 36, 3.0, 2.0


def drawn(rng: np.random.Generator) -> tuple[Draws, Draws]:
    """Terms of 36 documents with one to three sequences, as spread as measured ones, that two checkpoints share but for a tenth."""
    cluster = np.repeat(np.arange(DOCUMENTS), rng.integers(1, 4, DOCUMENTS))
    tokens = rng.integers(5, 20, cluster.size).astype(float)
    document = rng.gamma(8.0, 0.125, DOCUMENTS)[cluster]  # mean 1, the same for both
    sequence = rng.gamma(16.0, 0.0625, cluster.size)
    own = [rng.gamma(100.0, 0.01, cluster.size) for _ in "ab"]
    a, b = (level * tokens * document * sequence * part for level, part in zip((TRUE_A, TRUE_B), own, strict=True))
    return Draws(cluster, a, tokens), Draws(cluster, b, tokens)


def test_the_intervals_cover_and_are_much_narrower_than_unpaired_ones() -> None:
    rng = np.random.default_rng(0)
    found = [paired_difference(*drawn(rng)) for _ in range(1500)]
    ratio_covered = np.mean([f.ratio_low <= TRUE_A / TRUE_B <= f.ratio_high for f in found])
    covered = np.mean([f.low <= TRUE_A - TRUE_B <= f.high for f in found])
    assert 0.925 <= ratio_covered <= 0.965 and 0.925 <= covered <= 0.965
    assert np.median([f.stderr / f.unpaired_stderr for f in found]) < 0.36
    spread = np.std([f.difference for f in found])
    assert np.mean([f.stderr for f in found]) == pytest.approx(spread, rel=0.06)
    assert np.mean([f.log_ratio_stderr for f in found]) == pytest.approx(
        np.std([np.log(f.ratio) for f in found]), rel=0.06
    )


def test_it_is_the_ratio_estimator_of_the_differences() -> None:
    a, b = drawn(np.random.default_rng(1))
    found = paired_difference(a, b)
    clusters = np.unique(a.cluster)
    difference = np.array([(a.term - b.term)[a.cluster == c].sum() for c in clusters])
    tokens = np.array([a.tokens[a.cluster == c].sum() for c in clusters])
    value = difference.sum() / tokens.sum()
    s = len(clusters)
    stderr = np.sqrt(((difference - value * tokens) ** 2).sum() / (s * (s - 1))) / tokens.mean()
    assert (found.difference, found.stderr) == pytest.approx((value, stderr))
    assert found.high - found.difference == pytest.approx(t_quantile(0.975, s - 1) * stderr)
    back = paired_difference(b, a)
    assert back.difference == pytest.approx(-found.difference) and back.ratio == pytest.approx(1 / found.ratio)
    assert (back.ratio_low, back.ratio_high) == pytest.approx((1 / found.ratio_high, 1 / found.ratio_low))
    same = paired_difference(a, a)
    assert (same.difference, same.stderr, same.ratio, same.log_ratio_stderr) == (0.0, 0.0, 1.0, 0.0)


def test_only_the_draws_that_both_have_count() -> None:
    a, b = drawn(np.random.default_rng(2))
    longer = Draws(np.r_[a.cluster, 99], np.r_[a.term, 1e9], np.r_[a.tokens, 5.0])
    assert paired_difference(longer, b) == paired_difference(a, b)
    assert paired_difference(b, longer).draws == a.term.size


def test_a_negative_trace_has_a_difference_and_no_ratio() -> None:
    a, b = drawn(np.random.default_rng(3))
    found = paired_difference(a, Draws(b.cluster, -b.term, b.tokens))
    assert found.ratio is None and found.ratio_low is None and found.log_ratio_stderr is None
    assert found.difference == pytest.approx(found.first - found.second)


def test_other_draws_are_refused() -> None:
    a, b = drawn(np.random.default_rng(4))
    tokens = b.tokens.copy()
    tokens[3] += 1
    with pytest.raises(HarnessError, match=r"draw 3 is of document .*with .* tokens .*same tokens in the same order"):
        paired_difference(a, replace(b, tokens=tokens))
    with pytest.raises(HarnessError, match="draw 0 is of document 0"):
        paired_difference(a, replace(b, cluster=b.cluster + 1))
    one = Draws(np.array([7, 7]), np.ones(2), np.ones(2))
    with pytest.raises(HarnessError, match="of 1 document; a standard error needs at least two"):
        paired_difference(one, one)
    with pytest.raises(HarnessError, match="has none; measure it again"):
        paired_difference(a, Draws(np.array([]), np.array([]), np.array([])))


def test_records_that_may_not_be_compared_are_refused_by_name() -> None:
    a, b = drawn(np.random.default_rng(5))
    values = [float(d.term.sum() / d.tokens.sum()) for d in (a, b)]
    trace = {"metric": "fisher_trace", "signature": "s1", "details": {"comparable_group": "g"}}
    first, second = (record(name, "fisher", value, **trace) for name, value in zip("ab", values, strict=True))
    draws = {(first.key, "fisher_trace"): a, (second.key, "fisher_trace"): b}
    assert compare(first, second, draws) == paired_difference(a, b)
    refusals = {
        r"two signatures, s1 and s2; .*harness explain": replace(second, signature="s2"),
        r"of groups g and h .*another architecture": replace(second, details={"comparable_group": "h"}),
        r"of groups g and None": replace(second, details=None),
        r"are two measures": replace(second, metric="row_normalised_fisher"),
        r"no draws of fisher fisher_trace under key": replace(second, key="other"),
        r"give 2\.\d+ for fisher fisher_trace, its record says 7": replace(second, value=7),
    }
    for told, other in refusals.items():
        with pytest.raises(HarnessError, match=told):
            compare(first, other, draws)
    old = [replace(r, details=None) for r in (first, second)]  # older than comparability groups
    assert compare(*old, draws) == paired_difference(a, b)
