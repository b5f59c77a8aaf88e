from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from harness.errors import HarnessError
from harness.measures.affinity.unigram_divergence import unigram_divergence

WORDS = np.array([f"w{i}" for i in range(12)])


def texts(rng: np.random.Generator, p: np.ndarray, documents: int, length: int = 15) -> list[str]:
    return [" ".join(rng.choice(WORDS, length, p=p)) for _ in range(documents)]


def test_it_is_scipys_distance_squared_in_bits():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(12))
    a, b = texts(rng, p, 30), texts(rng, q, 40)
    counts = [np.array([" ".join(side).split().count(w) for w in WORDS]) for side in (a, b)]
    assert unigram_divergence(a, b).value == pytest.approx(jensenshannon(*counts, base=2) ** 2)


def test_equal_and_disjoint_texts_are_the_ends():
    same = ["the cat sat", "a dog ran"]
    assert unigram_divergence(same, same[::-1]).value == pytest.approx(0, abs=1e-12)
    assert unigram_divergence(same, ["one two", "three four"]).value == 1.0


@pytest.mark.slow
def test_the_standard_error_is_the_spread_of_new_samples():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(12))
    found = [unigram_divergence(texts(rng, p, 60), texts(rng, q, 60)) for _ in range(120)]
    spread = np.std([f.value for f in found], ddof=1)
    assert np.mean([f.stderr for f in found]) == pytest.approx(spread, rel=0.2)


def test_a_side_without_words_is_named():
    with pytest.raises(HarnessError, match="the text of the corpus has no words"):
        unigram_divergence(["", "..."], ["a b", "c"])
    with pytest.raises(HarnessError, match="the text of the task has no words"):
        unigram_divergence(["a b", "c"], [""])
