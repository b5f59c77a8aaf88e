from __future__ import annotations

import random

import numpy as np
import pytest
import yaml

from harness.evaluator import run
from harness.makers.overlap import ngram_overlap
from harness.makers.words import WORD, ngrams_of, words_of
from harness.request import Options, from_suite

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "and", ",", "."]


def text(seed: int, length: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


@pytest.mark.parametrize("n", [1, 3, 13])
def test_the_share_is_that_of_sets_of_tuples(n):
    training = [text(seed, 200) for seed in range(5)]
    scored = {"task": [text(seed, 40) for seed in range(10, 15)] + [training[0][:150]], "other": ["a", "cat dog"]}

    def tuples(document: str) -> list[tuple[str, ...]]:
        words = WORD.findall(document.lower())
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    known = {gram for document in training for gram in tuples(document)}
    for name, found in ngram_overlap(training, scored, n).items():
        grams = [gram for document in scored[name] for gram in tuples(document)]
        assert found["ngrams"] == len(grams)
        assert found["share"] == (sum(gram in known for gram in grams) / len(grams) if grams else None)
        assert found["too_short"] == sum(not tuples(document) for document in scored[name])


def test_a_text_trained_on_is_met_whole_and_another_is_not():
    found = ngram_overlap([text(1, 100)], {"same": [text(1, 100).upper()], "other": [text(2, 100)]})
    assert (found["same"]["share"], found["other"]["share"]) == (1.0, 0.0)


def test_the_order_of_words_tells_ngrams_apart():
    grams = ngrams_of(words_of("a b c a c b b a c"), 3)
    assert len(np.unique(grams)) == 7


SUITE = {
    "families": {"hmm": {"make": {
        "maker": "pretrain", "objective": "causal", "corpus": [{"data": {"world": "hmm", "options": {"text_train": 200}}}],
        "architecture": {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 64},
        "tokenizer": {"kind": "word", "vocabulary": 128}, "steps": [1], "batch_size": 4, "length": 33}}},
    "tasks": {"upstream": [
        {"name": name, "description": "d", "kind": "lm_loss", "data": {"world": "hmm", "options": {"text_train": 200}},
         "splits": {"score": split}, "text": {"first": 20}}
        for name, split in (("trained on", "train"), ("held out", "validation"))]},
}  # fmt: skip


def test_a_family_says_what_of_each_scored_text_it_was_trained_on(tmp_path):
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(SUITE))
    run(from_suite(tmp_path), tmp_path, Options())
    said = yaml.safe_load((tmp_path / "families" / "hmm" / "family.yaml").read_text())["overlap"]
    assert said["words_in_a_row"] == 13
    assert said["tasks"]["trained on"]["share"] == 1.0 and said["tasks"]["held out"]["share"] == 0.0
