"""Excess over the least loss: none for a model that knows the language, log V less the least for a uniform one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel
from transformers.modeling_outputs import CausalLMOutput

from harness import evaluate
from harness.data.sequences import ScoredSequence
from harness.data.tokenizer import train_tokenizer
from harness.data.windows import MaskVocabulary
from harness.data.worlds import World, open_world
from harness.data.worlds.world import PADDING
from harness.measures.excess import what_is_seen, word_tokens

OPTIONS = {"depth": 2, "nonterminals": 3, "vocabulary": 6, "text_validation": 200}
HIDDEN_MARKOV = {"states": 3, "vocabulary": 5, "length": 4, "text_validation": 200, "classes": 2}


def tokenizer_of(world: World, objective: str):
    return train_tokenizer([" ".join(world.words())], kind="word", vocabulary=64, objective=objective, max_length=16)


def numbers(ids: torch.Tensor, tokens: np.ndarray) -> np.ndarray:
    """The word of each token, -1 for one that is none."""
    found = (ids.numpy()[..., None] == tokens).argmax(axis=-1)
    return np.where(np.isin(ids.numpy(), tokens), found, PADDING)


class CausalOracle(GPT2LMHeadModel):
    """Says the true probability of each next word."""

    def forward(self, input_ids, **kwargs):
        words = numbers(input_ids, self.tokens)[:, :4]
        begun = bool((words[:, 0] == PADDING).all())
        known = words[:, 1:] if begun else words
        whole = np.pad(known, ((0, 0), (0, 4 - known.shape[1])), constant_values=0)
        found = following_words(self.language, np.maximum(whole, 0))[:, 0 if begun else 1 :][:, : words.shape[1]]
        logits = torch.full((*input_ids.shape, self.config.vocab_size), -1e4)
        within = torch.tensor(np.log(found + 1e-300), dtype=torch.float32)
        logits[:, : found.shape[1], self.tokens] = within
        return CausalLMOutput(logits=logits)


def following_words(language, whole: np.ndarray) -> np.ndarray:
    """p(word | those before it), every word tried at every place: (N, T, V)."""
    found = np.zeros((*whole.shape, language.vocabulary))
    for place in range(whole.shape[1]):
        for word in range(language.vocabulary):
            tried = whole.copy()
            tried[:, place] = word
            found[:, place, word] = np.exp(language.log_probabilities(tried)[:, place])
    return found


class MaskedOracle(BertForMaskedLM):
    """Says the true probability of each word, told nothing of those under a mask."""

    def forward(self, input_ids, attention_mask=None, **kwargs):
        words = numbers(input_ids[:, 1:-1], self.tokens)
        logits = torch.full((*input_ids.shape, self.config.vocab_size), -1e4)
        if words.shape[1] == 4:  # else the short input that the head is tried with
            found = self.language.conditionals(np.maximum(words, 0), words == PADDING)
            within = torch.tensor(np.log(found + 1e-300), dtype=torch.float32)
            logits[:, 1:-1][..., self.tokens] = within
        return CausalLMOutput(logits=logits)


CausalOracle.__name__, MaskedOracle.__name__ = "GPT2LMHeadModel", "BertForMaskedLM"  # as checkpoints are told apart


def task_file(tmp_path, world: World, loss: str = "") -> str:
    given = OPTIONS if world.name == "pcfg" else HIDDEN_MARKOV
    options = ", ".join(f"{name}: {value}" for name, value in given.items())
    (tmp_path / "own.yaml").write_text(
        f"description: d\nkind: lm_loss\ndata: {{world: {world.name}, name: text, options: {{{options}}}}}\n"
        f"splits: {{score: validation}}\n{loss}"
    )
    return str(tmp_path / "own.yaml")


@pytest.fixture(params=["pcfg", "hmm"])
def world(request: pytest.FixtureRequest) -> World:
    return open_world(request.param, dict(OPTIONS if request.param == "pcfg" else HIDDEN_MARKOV))


def masked(world: World, kind=BertForMaskedLM):
    tokenizer = tokenizer_of(world, "masked")
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=16)  # fmt: skip
    model = kind(config).eval()
    model.tokens, model.language = word_tokens(tokenizer, world), world.language()
    return model, tokenizer


def causal(world: World):
    tokenizer = tokenizer_of(world, "causal")
    model = CausalOracle(GPT2Config(vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1, n_positions=16)).eval()
    model.tokens, model.language = word_tokens(tokenizer, world), world.language()
    return model, tokenizer


def found_by(model, task: str) -> dict:
    records = evaluate(model, task, name="m")
    assert all(r.error is None for r in records), records[0].error
    return {r.metric: r for r in records}


@pytest.mark.parametrize("bos", ["auto", "none"])
def test_a_causal_model_that_knows_the_language_has_none(tmp_path, world, bos):
    found = found_by(causal(world), task_file(tmp_path, world, f"loss: {{bos: {bos}}}\n"))
    assert found["excess_nats_per_token"].value == pytest.approx(0, abs=1e-6)
    assert found["nats_per_token"].value > 0.3


def test_a_masked_model_that_knows_the_language_has_none(tmp_path, world):
    found = found_by(masked(world, MaskedOracle), task_file(tmp_path, world, "loss: {pseudo_log_likelihood: true}\n"))
    above = found["excess_nats_per_token"]
    assert above.value == pytest.approx(0, abs=1e-6)
    assert above.n == found["nats_per_token"].n == 800
    assert "true distributions" in above.stderr_method


def test_a_uniform_masked_model_pays_log_v_less_the_least_loss(tmp_path, world):
    model, tokenizer = masked(world)
    model.cls.predictions.decoder.weight.data.zero_()
    model.cls.predictions.decoder.bias.data.zero_()
    found = found_by((model, tokenizer), task_file(tmp_path, world, "loss: {pseudo_log_likelihood: true}\n"))
    tokens = world.word_numbers(world.columns("text", "validation")["text"])
    known = world.language().conditionals(tokens)
    least = -(known * np.log(known)).sum(axis=2).mean()
    above = found["excess_nats_per_token"]
    assert above.value == pytest.approx(math.log(len(tokenizer)) - least, abs=1e-5)
    assert above.stderr < found["nats_per_token"].stderr or found["nats_per_token"].stderr < 1e-6


def test_words_of_several_tokens_have_no_masked_excess(tmp_path):
    world = open_world("pcfg", dict(OPTIONS))
    tokenizer = train_tokenizer(["a b"], kind="bpe", vocabulary=300, objective="masked", max_length=32)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=32)  # fmt: skip
    found = found_by((BertForMaskedLM(config).eval(), tokenizer), task_file(tmp_path, world))
    assert "excess_nats_per_token" not in found


def test_what_is_seen_says_how_a_scored_token_came_about():
    special = MaskVocabulary(mask=4, cls=2, sep=3, ordinary=np.array([5, 6, 7, 8]))
    tokens = np.array([5, 6, 7])
    window = ScoredSequence(torch.tensor([2, 6, 4, 7, 3]), torch.tensor([-100, -100, 5, 7, -100]), 0, "k")
    scored, seen = what_is_seen([window], (1, 4), special, tokens)
    assert scored.tolist() == [[False, True, True, False]]
    expected = [[0, 1, 0], [1, 1, 1], [0.25, 0.25, 1.25], [1, 1, 1]]
    np.testing.assert_allclose(seen[0], expected)
    chances = {v: (0.1 * (v == 7) + 0.1 / 4) / (0.1 * 1 + 0.1) for v in (5, 6, 7)}  # of seeing v at all if it is x
    assert seen[0, 2, 2] / seen[0, 2, 0] == pytest.approx(chances[7] / chances[5])
