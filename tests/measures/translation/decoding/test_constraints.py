"""What a generation config forbids and forces is written as ``generate`` writes it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from transformers import GenerationConfig

from harness.errors import HarnessError
from harness.measures.translation.decoding import decode
from harness.specs.decoding import Decoding
from tests.measures.translation.decoding.written import PADDING, START, generated, model_of, ragged_end, sources_of

END = "end"
"""Stands for the token that ends the texts of the model."""
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "padding forbidden, as in Marian": ("marian", {"bad_words_ids": [[PADDING], [36]], "renormalize_logits": True}),
    "both ends forced, as in BART": ("bart", {"forced_bos_token_id": 0, "forced_eos_token_id": END}),
    "a language forced": ("m2m100", {"forced_bos_token_id": 7}),
    "the end forced last": ("mbart", {"forced_eos_token_id": [END]}),
    "suppressed": ("t5", {"suppress_tokens": [4, 36], "begin_suppress_tokens": [6, 34, 38]}),
    "suppressed after a forced one": ("bart", {"forced_bos_token_id": 0, "begin_suppress_tokens": [17, 30]}),
    "not too short": ("mt5", {"min_length": 9}),
    "not too short, prompts": ("llama", {"min_new_tokens": 9}),
    "by history": ("bart", {"no_repeat_ngram_size": 2, "bad_words_ids": [[17, 8], [30]], "repetition_penalty": 1.3}),
    "by history, prompts": ("opt", {"repetition_penalty": 1.5}),
    "a bias": ("mbart", {"sequence_bias": [[[17], -3.0], [[8], 2.0]]}),
}


@pytest.mark.parametrize(
    "decoding", [Decoding(maximum_length=16), Decoding(beams=4, maximum_length=16)], ids=["greedy", "beam"]
)
@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_tokens_as_generate(name: str, decoding: Decoding) -> None:
    architecture, settings = CONFIGS[name]
    model, end, start = copy.copy(model_of(architecture)), ragged_end(architecture), START[architecture][:1]
    free = decode(model, sources_of(), decoding, start=start, end=end, token_budget=500)
    said = {key: end if value == END else [end] if value == [END] else value for key, value in settings.items()}
    model.generation_config = GenerationConfig(pad_token_id=PADDING, **said)
    found = decode(model, sources_of(), decoding, start=start, end=end, token_budget=10**6)
    assert [h.tokens for h in found] == generated(model, sources_of(), decoding, start, end)
    assert [h.tokens for h in found] != [h.tokens for h in free] or "the end forced last" in name


def test_an_end_that_is_forced_at_the_greatest_length_is_no_end() -> None:
    model = copy.copy(model_of("mbart"))
    model.generation_config = GenerationConfig(pad_token_id=PADDING, forced_eos_token_id=2)
    settings = {"start": START["mbart"], "end": 2, "token_budget": 99}
    for beams in (1, 4):
        found = decode(model, sources_of(), Decoding(beams=beams, maximum_length=2), **settings)
        assert all(len(h.tokens) == 1 and not h.finished for h in found)


def test_what_is_not_done_is_refused() -> None:
    model = copy.copy(model_of("bart"))
    model.generation_config = GenerationConfig(pad_token_id=PADDING, encoder_no_repeat_ngram_size=3)
    with pytest.raises(HarnessError, match="encoder_no_repeat_ngram_size: 3, which decoding does not do"):
        decode(model, sources_of(), Decoding(maximum_length=9), start=[2], end=2, token_budget=99)
