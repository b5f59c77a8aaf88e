"""Searches write what transformers' ``generate`` writes, and their log-probabilities are those of a teacher-forced pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.measures.translation.decoding import Hypothesis, decode
from harness.specs.translation import Decoding
from tests.measures.translation.decoding.written import MODELS, START, generated, model_of, ragged_end, sources_of

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
    assert len(lengths) > 1, "texts of different lengths, so that rows leave the batch at different steps"
    for source, hypothesis in zip(sources_of(), found, strict=True):
        whole = [*hypothesis.tokens, *([end] if hypothesis.finished else [])]
        assert hypothesis.log_probability == pytest.approx(forced(model, source, start, whole), rel=1e-5, abs=1e-5)
        assert hypothesis.finished or len(hypothesis.tokens) == decoding.maximum_length
