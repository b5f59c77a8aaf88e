from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from harness.errors import HarnessError
from harness.measures.affinity.two_sample_auc import area, folds_of, pieces, two_sample_auc

WORDS = np.array([f"w{i}" for i in range(30)])


def texts(rng: np.random.Generator, count: int, length: int, tilt: float = 0.0) -> list[str]:
    p = np.exp(tilt * np.linspace(-1, 1, len(WORDS)))
    return [" ".join(rng.choice(WORDS, length, p=p / p.sum())) for _ in range(count)]


def test_in_one_fold_the_area_is_scikit_learns_and_its_error_delongs():
    rng = np.random.default_rng(0)
    is_task = np.arange(50) < 20
    scores = np.round(rng.normal(size=50) + is_task, 1)  # with ties
    found = area(scores, is_task, np.zeros(50, dtype=int), np.arange(50))
    assert found.value == pytest.approx(roc_auc_score(is_task, scores))
    ahead = scores[is_task][:, None] - scores[~is_task][None]
    psi = (ahead > 0) + (ahead == 0) / 2
    delong = np.var(psi.mean(1), ddof=1) / 20 + np.var(psi.mean(0), ddof=1) / 30
    assert found.stderr == pytest.approx(np.sqrt(delong))


@pytest.mark.slow
def test_texts_of_one_source_cannot_be_told_apart_and_the_interval_says_so():
    rng = np.random.default_rng(1)
    found = [two_sample_auc(texts(rng, 40, 12), texts(rng, 40, 12)) for _ in range(30)]
    assert np.mean([f.value for f in found]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([abs(f.value - 0.5) < 2 * f.stderr for f in found]) >= 0.8


def test_a_difference_of_words_is_found_and_one_of_length_is_none():
    rng = np.random.default_rng(2)
    tilted = two_sample_auc(texts(rng, 80, 12), texts(rng, 80, 12, tilt=2.0))
    longer = two_sample_auc(texts(rng, 20, 300), texts(rng, 80, 12))
    assert tilted.value - 3 * tilted.stderr > 0.6 and abs(longer.value - 0.5) < 4 * longer.stderr < 0.5


def test_the_same_texts_give_the_same_number():
    sides = texts(np.random.default_rng(3), 20, 12), texts(np.random.default_rng(4), 20, 12)
    assert two_sample_auc(*sides) == two_sample_auc(*sides)


def test_pieces_of_a_document_stay_in_one_fold_and_every_fold_has_both_sides():
    cut, owner = pieces([["a"] * 7, ["b"] * 2, *[["c"] * 4] * 6], length=2, most=13)
    assert len(cut) == 13 and sorted(set(owner.tolist())) == list(range(8)) and max(map(len, cut)) == 2
    clusters, is_task = np.concatenate([owner, 8 + np.arange(9)]), np.arange(22) >= 13
    fold = folds_of(clusters, is_task)
    assert all(len(set(fold[clusters == c].tolist())) == 1 for c in np.unique(clusters))
    assert all({True, False} == set(is_task[fold == f].tolist()) for f in range(5))


def test_too_few_texts_are_refused():
    with pytest.raises(HarnessError, match="the corpus has 3 texts with words; 5 are needed"):
        two_sample_auc(["a", "b", "c", ""], ["d"] * 9)
