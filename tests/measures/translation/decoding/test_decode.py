"""Searches write what transformers' ``generate`` writes, and their log-probabilities are those of a teacher-forced pass."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.measures.translation.decoding import Hypothesis, decode
from harness.specs.decoding import Decoding
from tests.measures.translation.decoding.written import (
    MODELS,
    START,
    VOCABULARY,
    generated,
    model_of,
    ragged_end,
    sources_of,
)

GREEDY, BEAM = Decoding(maximum_length=20), Decoding(beams=4, maximum_length=20)


def forced(model: Any, source: list[int], start: list[int], tokens: list[int]) -> float:
    """Log-probability of tokens in one pass without a cache, nats."""
    read = [*start, *tokens] if model.config.is_encoder_decoder else [*source, *tokens]
    given = {"input_ids": torch.tensor([source]), "decoder_input_ids": torch.tensor([read])}
    if not model.config.is_encoder_decoder:
        given = {"input_ids": torch.tensor([read])}
    with torch.no_grad():
        logits = model(**given, use_cache=False).logits[0, -len(tokens) - 1 : -1]
    return float(logits.log_softmax(-1)[range(len(tokens)), tokens].sum())


def search(name: str, decoding: Decoding, budget: int = 10**6, **changed: Any) -> tuple[Any, list[Hypothesis]]:
    model = model_of(name)
    settings = {"start": START[name], "end": ragged_end(name), "token_budget": budget} | changed
    return model, decode(model, sources_of(), decoding, **settings)


@pytest.mark.parametrize("decoding", [GREEDY, BEAM], ids=["greedy", "beam"])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_tokens_as_generate_and_the_log_probabilities_of_one_pass(name: str, decoding: Decoding) -> None:
    model, found = search(name, decoding)
    start, end = START[name], ragged_end(name)
    assert [h.tokens for h in found] == generated(model, sources_of(), decoding, start, end)
    lengths = {len(h.tokens) for h in found}
    assert len(lengths) > 2, "texts of different lengths, so that rows leave the batch at different steps"
    for source, hypothesis in zip(sources_of(), found, strict=True):
        whole = [*hypothesis.tokens, *([end] if hypothesis.finished else [])]
        assert hypothesis.log_probability == pytest.approx(forced(model, source, start, whole), rel=1e-5, abs=1e-5)
        assert hypothesis.finished or len(hypothesis.tokens) == decoding.maximum_length


@pytest.mark.parametrize("decoding", [GREEDY, BEAM], ids=["greedy", "beam"])
@pytest.mark.parametrize("name", ["m2m100", "gpt2"])
def test_batches_change_nothing_and_are_told(name: str, decoding: Decoding) -> None:
    _, together = search(name, decoding)
    told: list[int] = []
    _, apart = search(name, decoding, budget=1, advance=told.append)
    assert [h.tokens for h in apart] == [h.tokens for h in together]
    assert [h.log_probability for h in apart] == pytest.approx([h.log_probability for h in together], rel=1e-5)
    assert told == sorted((len(source) for source in sources_of()), reverse=True), "one source a batch, longest first"
    few: list[int] = []
    search(name, decoding, budget=2 * 12 * (1 + decoding.beams), advance=few.append)
    assert 1 < len(few) < len(told) and sum(few) == sum(told)


@pytest.mark.parametrize("penalty", [0.0, 3.0, -2.0])
def test_a_beam_ranks_by_the_length_penalty(penalty: float) -> None:
    decoding = Decoding(beams=4, length_penalty=penalty, maximum_length=20)
    model, found = search("bart", decoding)
    assert [h.tokens for h in found] == generated(model, sources_of(), decoding, START["bart"], ragged_end("bart"))
    assert [h.tokens for h in found] != [h.tokens for h in search("bart", BEAM)[1]]


@pytest.mark.parametrize("decoding", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_several_tokens_may_end_a_text(decoding: Decoding) -> None:
    ends = [ragged_end("mbart"), 12, 17]
    model, found = search("mbart", decoding, end=ends)
    assert [h.tokens for h in found] == generated(model, sources_of(), decoding, START["mbart"], ends)
    assert all(not set(ends) & set(h.tokens) for h in found)


def next_ones(model: Any, source: list[int], begun: list[list[int]]) -> torch.Tensor:
    """Log-probabilities of all tokens after each beginning, ``(B, V)``, by one pass without a cache."""
    read = torch.tensor([[*START["t5"], *tokens] for tokens in begun])
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([source] * len(begun)), decoder_input_ids=read, use_cache=False).logits
    return logits[:, -1].log_softmax(-1)


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_text_of_two_tokens() -> None:
    model, start = model_of("t5"), START["t5"]
    wide = Decoding(beams=VOCABULARY, length_penalty=0.0, maximum_length=2)
    found = decode(model, sources_of()[:2], wide, start=start, end=2, token_budget=10**6)
    for source, hypothesis in zip(sources_of(), found, strict=False):
        first, second = next_ones(model, source, [[]])[0], next_ones(model, source, [[t] for t in range(VOCABULARY)])
        whole = first[:, None] + second  # log-probabilities of all texts of two tokens
        whole[2] = -torch.inf
        best = [2] if first[2] > whole.max() else list(divmod(int(whole.argmax()), VOCABULARY))
        assert hypothesis.tokens == [token for token in best if token != 2]


@pytest.mark.parametrize("decoding", [Decoding(maximum_length=1), Decoding(beams=2, maximum_length=3)])
def test_what_never_ends_is_cut_and_not_finished(decoding: Decoding) -> None:
    _, found = search("llama", decoding, end=1000)
    assert [len(h.tokens) for h in found] == [decoding.maximum_length] * len(found)
    assert not any(h.finished for h in found)


def test_half_precision_is_scored_in_float32() -> None:
    model = copy.deepcopy(model_of("marian")).to(torch.bfloat16)
    found = decode(model, sources_of(), GREEDY, start=START["marian"], end=ragged_end("marian"), token_budget=100)
    assert all(h.log_probability < 0 and h.log_probability != round(h.log_probability, 1) for h in found)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("bart", {"decoding": Decoding(maximum_length=65)}, "64 positions.*takes 1: expected 64 at most"),
        ("mbart", {"decoding": Decoding(beams=2, maximum_length=64)}, "takes 2: expected 63 at most"),
        ("gpt2", {"decoding": Decoding(maximum_length=50)}, "the longest prompt takes 16: expected 49 at most"),
        ("bart", {"sources": [[7] * 65]}, "a source of 65 tokens.*reads 64 at most"),
        ("bart", {"sources": [[7], []]}, "source 1 has no tokens"),
        ("bart", {"start": []}, "decoder_start_token_id"),
        ("gpt2", {"start": [1]}, "expected none for a causal model"),
        ("bart", {"end": []}, "no token ends a text"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_error(name: str, changed: dict[str, Any], message: str) -> None:
    settings = {
        "sources": sources_of(),
        "decoding": GREEDY,
        "start": START[name],
        "end": 2,
        "token_budget": 99,
    } | changed
    with pytest.raises(HarnessError, match=message):
        decode(model_of(name), **settings)


def test_relative_positions_have_no_limit() -> None:
    found = decode(model_of("t5"), [[7] * 600], GREEDY, start=START["t5"], end=2, token_budget=99)
    assert len(found) == 1 and decode(model_of("t5"), [], GREEDY, start=START["t5"], end=2, token_budget=99) == []


@pytest.mark.parametrize("decoding", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_weights_that_are_no_numbers_are_an_error(decoding: Decoding) -> None:
    model = copy.deepcopy(model_of("marian"))
    model.final_logits_bias[0, 7] = torch.nan
    with pytest.raises(HarnessError, match="not finite; the weights or the dtype"):
        decode(model, sources_of(), decoding, start=START["marian"], end=2, token_budget=99)
