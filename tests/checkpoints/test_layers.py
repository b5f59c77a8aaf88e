"""The layers of a transformer are found in every architecture, and what each matrix does is told right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from harness.checkpoints.layers import transformer_of
from harness.errors import HarnessError
from tests.architectures import ENCODERS, SIZES, TABLE

TINY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "t5": ("T5Config", "T5ForConditionalGeneration", {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2,
           "num_decoder_layers": 3, "num_heads": 2, "feed_forward_proj": "gated-gelu"}),
    "bart": ("BartConfig", "BartForConditionalGeneration", {"d_model": 16, "encoder_layers": 2, "decoder_layers": 1,
             "encoder_attention_heads": 2, "decoder_attention_heads": 4, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}),
    "marian": ("MarianConfig", "MarianMTModel", {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2,
               "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
               "pad_token_id": 0, "decoder_start_token_id": 0}),
    "distilbert": ("DistilBertConfig", "DistilBertForMaskedLM", {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}),
    "albert": ("AlbertConfig", "AlbertForMaskedLM", SIZES | {"embedding_size": 8, "num_hidden_layers": 4}),
    "mistral": ("MistralConfig", "MistralForCausalLM", SIZES | {"num_key_value_heads": 1, "pad_token_id": 0}),
    "phi3": ("Phi3Config", "Phi3ForCausalLM", SIZES | {"num_key_value_heads": 1, "pad_token_id": 0, "eos_token_id": 1}),
    "xlnet": ("XLNetConfig", "XLNetLMHeadModel", {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24}),
    "mamba": ("MambaConfig", "MambaForCausalLM", {"hidden_size": 16, "num_hidden_layers": 2}),
}  # fmt: skip


def tiny(name: str) -> Any:
    """A random model of an architecture in eval mode."""
    if name in TABLE:
        return TABLE[name].model()
    config, model, settings = TINY[name]
    torch.manual_seed(0)
    common = {"vocab_size": 50, "eos_token_id": 1, "initializer_range": 0.3}
    return getattr(transformers, model)(getattr(transformers, config)(**common | settings)).eval()


FOUND = [*TABLE, *(name for name in TINY if name not in ("xlnet", "mamba"))]


@pytest.mark.parametrize("name", FOUND)
def test_every_parameter_has_one_place(name: str) -> None:
    model = tiny(name)
    found = transformer_of(model)
    placed = [v.name for v in (*found.embeddings, *found.pooler, *found.head, *found.outside)]
    placed += [x.name for layer in found.layers for x in (*layer.matrices, *layer.norms, *layer.biases, *layer.others)]
    learned = [n for n, p in model.named_parameters() if p.requires_grad]
    assert sorted(placed) == sorted(learned)
    for layer in found.layers:
        assert [m.role for m in layer.matrices if m.role == "other"] == []
        assert [m.role for m in layer.feed_forward].count("out") == 1
        assert layer.head_dim in (4, 8)
        assert all(n.name.split(".")[-1] in ("weight", "bias") for n in layer.norms)
        assert all(m.outputs == 16 for m in layer.matrices if m.role in ("output", "out"))


def test_stacks_heads_and_sharing() -> None:
    t5, bart, albert, llama = (transformer_of(tiny(name)) for name in ("t5", "bart", "albert", "llama"))
    assert [(layer.stack, layer.number) for layer in t5.layers] == [
        ("encoder", 0), ("encoder", 1), ("decoder", 0), ("decoder", 1), ("decoder", 2),
    ]  # fmt: skip
    assert [len(layer.cross_attention) for layer in t5.layers] == [0, 0, 4, 4, 4]
    assert [[v.name.split(".")[-2] for v in layer.others] for layer in t5.stack("decoder")][:2] == [
        ["relative_attention_bias"], [],
    ]  # fmt: skip
    assert [(layer.heads, layer.head_dim) for layer in bart.layers] == [(2, 8), (2, 8), (4, 4)]
    assert (albert.shared, albert.depth, len(albert.layers)) == (True, 4, 1)
    assert (llama.layers[0].heads, llama.layers[0].key_value_heads) == (2, 1)
    with pytest.raises(HarnessError, match=r"1 layer\(s\) for all 4 passes, so none can be removed"):
        albert.refuse_shared("none can be removed")


def test_a_body_and_a_model_with_a_head_have_the_same_layers() -> None:
    body, whole = transformer_of(ENCODERS["bert-body"].model()), transformer_of(TABLE["bert"].model())
    assert [m.name for m in whole.layers[1].matrices] == [f"bert.{m.name}" for m in body.layers[1].matrices]
    assert [v.name for v in body.pooler] == ["pooler.dense.weight", "pooler.dense.bias"]
    assert not body.head
    assert all(v.name.startswith("cls.") for v in whole.head)


@pytest.mark.parametrize(
    "name", ["gpt2", "neox", "bert", "modernbert", "deberta-v3", "opt", "bart", "distilbert", "phi3"]
)
def test_units_of_a_head(name: str) -> None:
    """What reads a head of zeros does nothing: zero values of it, or zero inputs of the output matrix, give equal logits."""
    logits = []
    for role in ("value", "output"):
        model = tiny(name)
        layer = transformer_of(model).layers[1]
        head = next(m for m in layer.attention if m.role in (role, "packed" if role == "value" else role))
        units = torch.from_numpy(layer.units_of_head(head, layer.heads - 1))
        if head.role == "packed":
            units = units[layer.packed[head.name][units.numpy()] == 2]
        with torch.no_grad():
            rows = (slice(None), units) if head.transposed != (role == "output") else (units,)
            head.parameter[rows] = 0
            if role == "value" and head.bias is not None:
                head.bias[units] = 0
            if layer.key_value_heads < layer.heads and role == "output":
                head.parameter.zero_()  # one head of values is read by all heads of queries
            given = {"decoder_input_ids": torch.arange(2, 9)[None]} if model.config.is_encoder_decoder else {}
            logits.append(model(input_ids=torch.arange(2, 12)[None], **given).logits)
    before = tiny(name)(input_ids=torch.arange(2, 12)[None], **given).logits
    torch.testing.assert_close(*logits)
    assert not torch.allclose(logits[0], before, atol=1e-4)


def test_units_of_shared_and_packed_heads() -> None:
    layer = transformer_of(tiny("llama")).layers[0]
    by_role = {m.role: m for m in layer.attention}
    assert layer.units_of_head(by_role["query"], 1).tolist() == list(range(8, 16))
    assert layer.units_of_head(by_role["key"], 1).tolist() == list(range(8))
    neox = transformer_of(tiny("neox")).layers[0]
    packed = next(m for m in neox.attention if m.role == "packed")
    np.testing.assert_array_equal(neox.units_of_head(packed, 1), np.arange(24, 48))
    with pytest.raises(HarnessError, match="has 2 heads, 0 to 1; found 2"):
        neox.units_of_head(packed, 2)
    with pytest.raises(HarnessError, match="has no heads: it is of the role 'in'"):
        neox.units_of_head(neox.feed_forward[0], 0)


def test_what_has_no_layers_says_what_it_has() -> None:
    with pytest.raises(
        HarnessError, match=r"layers of XLNetLMHeadModel cannot be found.*transformer.layer \(2 x XLNetLayer\)"
    ):
        transformer_of(tiny("xlnet"))
    with pytest.raises(HarnessError, match=r"backbone.layers \(2 x MambaBlock\).*lm_head \(Linear\)"):
        transformer_of(tiny("mamba"))
    with pytest.raises(HarnessError, match="no layer 2, 7: GPT2LMHeadModel has 2 layers, 0 to 1"):
        transformer_of(tiny("gpt2")).chosen([0, 2, 7])
    with pytest.raises(HarnessError, match="no layers in 'decoder'; it has ''"):
        transformer_of(tiny("gpt2")).stack("decoder")
