"""Corrupted spans: every division reached equally often, the rate exact, and nothing lost."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
import pytest

from harness.data.spans import infilling_spans, noise_spans, replaced, taken_out


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("length", [2, 3, 7, 20, 100, 511])
def test_kept_and_corrupted_stretches_take_turns_and_end_corrupted(length):
    for seed in range(20):
        spans = noise_spans(length, 0.15, 3.0, 100, random(seed))
        noise = min(max(round(0.15 * length), 1), length - 1)
        assert sum(stop - first for first, stop in spans) == noise
        assert len(spans) == max(1, round(noise / 3))
        borders = [0, *(place for span in spans for place in span)]
        assert (np.diff(borders) > 0).all() and borders[-1] == length


def test_all_divisions_are_equally_likely():
    """Four corrupted of ten tokens in two spans: C(3, 1) lengths of spans times C(5, 1) of kept stretches."""
    draws = 6000
    source = random()
    counts = Counter(tuple(noise_spans(10, 0.4, 2.0, 9, source)) for _ in range(draws))
    divisions = comb(3, 1) * comb(5, 1)
    assert len(counts) == divisions
    expected = draws / divisions
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 36.1  # the 99.9 % point of chi-square with 14 degrees of freedom


def test_there_are_no_more_spans_than_sentinels_and_none_of_one_token():
    assert len(noise_spans(2000, 0.15, 3.0, 100, random())) == 100
    assert noise_spans(1, 0.15, 3.0, 100, random()) == noise_spans(0, 0.15, 3.0, 100, random()) == []


@pytest.mark.parametrize("length", [1, 2, 9, 100])
def test_infilling_takes_its_share_in_spans_apart(length):
    for seed in range(50):
        spans = infilling_spans(length, 0.3, 3.0, random(seed))
        assert sum(stop - first for first, stop in spans) == max(1, round(0.3 * length))
        flat = [place for span in spans for place in span]
        assert flat == sorted(flat) and flat[0] >= 0 and flat[-1] <= length
        assert len(spans) <= max(1, round(0.3 * length))


@pytest.mark.slow
def test_infilling_draws_lengths_of_a_poisson_distribution():
    """Of a long text, spans of 0, 1, 2 ... tokens come as often as Poisson(3) says; the cut last one counts little."""
    lengths = [b - a for seed in range(20) for a, b in infilling_spans(20_000, 0.3, 3.0, random(seed))]
    assert np.mean(lengths) == pytest.approx(3.0, abs=4 * np.sqrt(3 / len(lengths)))
    for size, share in ((0, 0.0498), (1, 0.1494), (3, 0.2240), (6, 0.0504)):
        error = np.sqrt(share * (1 - share) / len(lengths))
        assert np.mean(np.array(lengths) == size) == pytest.approx(share, abs=4 * error)


def test_infilling_takes_any_one_token_equally_often():
    """One corrupted token of eight: eight places, and no place for a mask that hides nothing."""
    source = random()
    counts = Counter(tuple(infilling_spans(8, 0.125, 3.0, source)) for _ in range(4000))
    assert set(counts) == {((place, place + 1),) for place in range(8)}
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 24.3  # 99.9 %, 7 degrees of freedom


def test_t5s_own_example():
    """Tokens, spans and answer of ``test_denoise`` in T5's preprocessors: sentinels 25 and 24, no third at the end."""
    tokens = [3, 2, 20, 4, 3, 2, 8, 13, 2, 3, 2, 23, 7, 19, 22, 3, 2, 7, 2]
    spans = [(1, 2), (14, 19)]
    assert replaced(tokens, spans, [25, 24]) == [3, 25, 20, 4, 3, 2, 8, 13, 2, 3, 2, 23, 7, 19, 24]
    assert taken_out(tokens, spans, [25, 24]) == [25, 2, 24, 22, 3, 2, 7, 2]
