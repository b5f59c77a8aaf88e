from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.selection import bigram_nats, importance, kept_documents
from harness.specs import Pretrain
from harness.specs.makers.text import Select
from tests.makers.test_pretrain import CAUSAL

SPORT = ["the team won the match", "a goal in the last minute of the match", "the team lost"]
CHESS = ["the queen takes the pawn", "a pawn becomes a queen", "check and mate"]


def select(**changes) -> Select:
    return Select.model_validate({"method": "ngram_importance", "towards": "glue/rte", "keep": 0.5} | changes)


def test_importance_is_the_log_ratio_of_word_and_pair_shares_summed_over_the_document():
    corpus, aim = ["a b", "b c c"], ["a b a"]
    raw = {"a": 1, "b": 2, "c": 2, "a b": 1, "b c": 1, "c c": 1}
    target = {"a": 2, "b": 1, "a b": 1, "b a": 1}

    def ratio(gram: str) -> float:
        return math.log(target.get(gram, 0) / 5 + 1e-8) - math.log(raw[gram] / 8 + 1e-8)

    expected = [sum(map(ratio, grams)) for grams in (["a", "b", "a b"], ["b", "c", "c", "b c", "c c"])]
    np.testing.assert_allclose(importance(corpus, aim), expected, rtol=1e-9)


def test_documents_like_the_text_aimed_at_are_kept():
    corpus = [f"{text} {n}" for n in range(20) for text in (*SPORT, *CHESS)]
    kept = kept_documents(corpus, select(), SPORT)
    assert kept.sum() == 60
    assert sum(kept[n] for n in range(120) if n % 6 < 3) >= 50
    assert (kept == kept_documents(corpus, select(), SPORT)).all()
    again = kept_documents(["alike"] * 50, select(seed=2), ["alike"])
    assert (again != kept_documents(["alike"] * 50, select(), ["alike"])).any()


@pytest.mark.slow
def test_a_draw_is_in_proportion_to_the_weights():
    """Two documents, one kept: the chance is w1 / (w1 + w2)."""
    corpus, aim = ["a", "b"], ["a"] * 3 + ["b"]
    one, two = np.exp(importance(corpus, aim))
    drawn = np.mean([kept_documents(corpus, select(seed=seed), aim)[0] for seed in range(2000)])
    assert drawn == pytest.approx(one / (one + two), abs=0.035)


def test_perplexity_keeps_the_likeliest_or_the_middle():
    corpus = ["the team won", "queen takes pawn", "the team", "zebra quartz"]
    nats = bigram_nats([*corpus, ""], SPORT)
    assert max(nats[0], nats[2]) < min(nats[1], nats[3]) and np.isinf(nats[4])
    asked = {"method": "perplexity", "keep": 0.5}
    lowest = kept_documents(corpus, select(**asked), SPORT)
    assert lowest.tolist() == [True, False, True, False]
    middle = kept_documents(corpus, select(**asked, band="middle"), SPORT)
    order = np.argsort(nats[:4])
    assert middle.tolist() == [n in order[1:3] for n in range(4)]


def test_the_probability_of_a_pair_is_smoothed_by_that_of_the_word():
    (found,) = bigram_nats(["a b"], ["a b a c"])
    first, second = 3 / (4 + 2**16), 2 / (4 + 2**16)
    assert found == pytest.approx(-(math.log(first) + math.log((1 + second) / (2 + 1))) / 2)


def test_a_checkpoint_may_judge(content):
    corpus = ["the cat sat on the mat and looked", "x", ""]
    asked = Select.model_validate({"method": "perplexity", "reference": str(content.folder("gpt2")), "keep": 0.4})
    assert kept_documents(corpus, asked, None).sum() == 1 and not kept_documents(corpus, asked, None)[2]
    masked = asked.model_copy(update={"reference": str(content.folder("bert"))})
    with pytest.raises(HarnessError, match="expected a causal language model"):
        kept_documents(corpus, masked, None)


@pytest.mark.parametrize(("changes", "message"), [
    ({"towards": None}, "needs either towards"),
    ({"reference": "a/b"}, "needs either towards"),
    ({"towards": None, "reference": "a/b"}, "reference is for method: perplexity"),
    ({"band": "middle"}, "band is for method: perplexity"),
    ({"keep": 1.0}, "less than 1"),
])  # fmt: skip
def test_a_selection_that_aims_at_nothing_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        select(**changes)


def test_text_without_words_is_refused():
    with pytest.raises(HarnessError, match="no words"):
        kept_documents(["a"], select(), ["", " "])


def test_a_selected_family_shares_its_tokenizer_with_one_that_is_not_and_names_its_corpus(tmp_path):
    base = CAUSAL | {"seeds": [1], "steps": [1]}
    aim = {"data": {"world": "hmm"}, "split": "validation", "text": {"first": 20}}
    asked = base | {"select": {"method": "ngram_importance", "towards": aim, "keep": 0.5}}
    found = []
    for name, recipe in (("all", base), ("some", asked)):
        from harness.checkpoints import resolve

        (member,) = maker.make(Pretrain.model_validate(recipe), tmp_path / name)
        found.append(resolve(str(tmp_path / name / member)))
    assert found[0].tokenizer == found[1].tokenizer
    assert found[1].info.corpus == f"{found[0].info.corpus}, 0.5 of it by ngram_importance (data)"
