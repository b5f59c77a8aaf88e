"""Queries, keys and values in one tensor are told apart: each third is where the model takes it from."""

from __future__ import annotations

import pytest
import torch
from small_models import shaken
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from harness.checkpoints.packed import packed_parts
from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.measures.flatness import fisher_trace
from harness.measures.flatness.fisher import draw_fisher
from harness.measures.flatness.layout import ParameterLayout, as_rows

SIZE = {"vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
        "max_position_embeddings": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
GPT = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "vocab_size": 11}
MASKED = ("modernbert", "deberta")
PACKED = {
    "gpt2": ("attn.c_attn", GPT),
    "gpt_neox": ("attention.query_key_value", SIZE),
    "bloom": ("self_attention.query_key_value", {"vocab_size": 11, "hidden_size": 8, "n_layer": 1, "n_head": 2}),
    "modernbert": ("attn.Wqkv", SIZE),
    "phi3": ("self_attn.qkv_proj", SIZE | {"num_key_value_heads": 1}),
    "gpt_bigcode": ("attn.c_attn", GPT | {"multi_query": False}),
    "gpt_bigcode, keys shared": ("attn.c_attn", GPT | {"n_embd": 16, "n_head": 4, "multi_query": True}),
    "codegen": ("attn.qkv_proj", GPT | {"n_embd": 16, "n_head": 4, "rotary_dim": 4}),
    "deberta": ("attention.self.in_proj", SIZE),
}


@pytest.mark.parametrize("name", PACKED)
def test_queries_scaled_against_keys_keep_the_function(name: str) -> None:
    """Part 0 doubled and part 1 halved leaves every logit and every layer-normalised measure; other parts would not."""
    tensor, settings = PACKED[name]
    torch.manual_seed(0)
    maker = AutoModelForMaskedLM if name in MASKED else AutoModelForCausalLM
    model = shaken(maker.from_config(AutoConfig.for_model(name.split(",")[0], **settings)).double())
    for label, bias in model.named_parameters():
        if label.endswith("q_bias"):  # DeBERTa adds it to the queries outside of the tensor
            bias.data.zero_()
    layout = ParameterLayout.of(model)
    ids = torch.randint(3, 11, (12,), generator=torch.Generator().manual_seed(1))
    sequences = [ScoredSequence(ids.roll(n), ids.roll(n), n, n) for n in range(4)]
    objective = "masked" if name in MASKED else "causal"
    before = model(input_ids=ids[None]).logits.detach()
    measured = {"objective": objective, "seed": 0, "precision": None, "minimum": 2}
    first = fisher_trace(model, sequences, **measured)
    with torch.no_grad():
        found = [n for n in layout.names if f"{tensor}." in n]
        assert found
        for label, weight, transposed in zip(layout.names, layout.tensors, layout.transposed, strict=True):
            if label in found:
                rows = as_rows(weight, transposed)
                parts = torch.from_numpy(packed_parts(label, len(rows), model.config))
                assert set(parts.tolist()) == {0, 1, 2}
                rows[parts == 0] *= 2
                rows[parts == 1] /= 2
    assert torch.allclose(model(input_ids=ids[None]).logits, before, atol=1e-6)
    second = fisher_trace(model, sequences, **measured)
    assert second.more["layer_normalised"].value == pytest.approx(first.more["layer_normalised"].value, rel=1e-6)
    assert second.trace != pytest.approx(first.trace, rel=1e-3)


def test_parts_add_up_to_the_tensor_and_unknown_packing_is_one_part() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **PACKED["gpt2"][1]))
    layout = ParameterLayout.of(model)
    assert layout.parts == len(layout.tensors) + 4  # weight and bias of c_attn, two parts more each
    ids = torch.tensor([3, 4, 5])
    draw = draw_fisher(model, layout, SequenceGroup.of(ScoredSequence(ids, ids, 0, 0)), "causal", 0)
    assert len(draw.trace) == layout.parts
    assert set(packed_parts("h.0.attn.c_attn.weight", 7, None)) == {0}
    assert set(packed_parts("h.0.attention.query_key_value.weight", 24, None)) == {0}
    mamba = AutoConfig.for_model("mamba", hidden_size=12)  # its in_proj has no queries
    assert set(packed_parts("layers.0.mixer.in_proj.weight", 48, mamba)) == {0}
