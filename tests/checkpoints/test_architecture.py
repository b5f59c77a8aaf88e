"""What configs say: objective and context length."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoConfig, PretrainedConfig

from harness.checkpoints.architecture import context_of, objective_of
from harness.errors import HarnessError


def config(kind: str, named: str | None = None, **values: Any) -> Any:
    return AutoConfig.for_model(kind, architectures=[named] if named else None, **values)


@pytest.mark.parametrize(
    ("kind", "named", "values", "expected"),
    [
        ("bert", "BertForMaskedLM", {}, "masked"),
        ("bert", "BertForPreTraining", {}, "masked"),
        ("bert", "BertLMHeadModel", {"is_decoder": True}, "causal"),
        ("bert", "BertModel", {}, "encoder"),
        ("bert", "BertForSequenceClassification", {}, "encoder"),
        ("bert", None, {}, "masked"),
        ("roberta", "RobertaForMaskedLM", {}, "masked"),
        ("electra", "ElectraForPreTraining", {}, "encoder"),
        ("gpt2", "GPT2LMHeadModel", {}, "causal"),
        ("gpt2", None, {}, "causal"),
        ("llama", "LlamaForCausalLM", {}, "causal"),
        ("gpt_neox", "GPTNeoXForCausalLM", {}, "causal"),
        ("xlnet", "XLNetLMHeadModel", {}, "encoder"),
        ("t5", "T5ForConditionalGeneration", {}, "seq2seq"),
        ("vit", "ViTModel", {}, "encoder"),
    ],
)
def test_objective(kind: str, named: str | None, values: dict[str, Any], expected: str) -> None:
    assert objective_of(config(kind, named, **values), "x") == expected


@pytest.mark.parametrize(
    ("named", "decoder", "message"),
    [
        ("BertLMHeadModel", False, "BertLMHeadModel, which is a causal model, yet is_decoder is false"),
        ("BertForMaskedLM", True, "BertForMaskedLM, which is a masked model, yet is_decoder is true"),
    ],
)
def test_class_and_decoder_contradict(named: str, decoder: bool, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        objective_of(config("bert", named, is_decoder=decoder), "x")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("bert", {"max_position_embeddings": 512}, 512),
        ("roberta", {"max_position_embeddings": 514}, 512),
        ("gpt2", {"n_positions": 1024}, 1024),
        ("opt", {"max_position_embeddings": 2048}, 2048),
        ("bloom", {}, 2048),
        ("bloom", {"seq_length": 1000}, 1000),
        ("mamba", {}, 2048),
    ],
)
def test_context(kind: str, values: dict[str, Any], expected: int) -> None:
    assert context_of(config(kind, **values), "x") == expected


def test_no_context_length_is_refused() -> None:
    unknown = PretrainedConfig()
    with pytest.raises(HarnessError, match="names no context length; expected one of max_position_embeddings"):
        context_of(unknown, "x")
