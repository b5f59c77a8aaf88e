"""Blocks of the architectures that the evaluator meets, by the names their libraries give."""

from __future__ import annotations

import subprocess
import sys

import pytest
from small_models import bert, gpt2, llama

from harness.measures.flatness.blocks import block_of, layer_of


@pytest.mark.parametrize(
    ("name", "block", "layer"),
    [
        ("gpt_neox.embed_in.weight", "embedding", "embedding"),
        ("gpt_neox.layers.11.attention.query_key_value.weight", "attention", "layer 11"),
        ("gpt_neox.layers.11.mlp.dense_h_to_4h.weight", "mlp", "layer 11"),
        ("embed_out.weight", "head", "head"),
        ("model.layers.2.self_attn.q_proj.weight", "attention", "layer 2"),
        ("model.layers.2.post_attention_layernorm.weight", "norm+bias", "layer 2"),
        ("model.layers.2.block_sparse_moe.experts.3.w1.weight", "mlp", "layer 2"),
        ("bert.encoder.layer.0.attention.output.dense.weight", "attention", "encoder layer 0"),
        ("bert.encoder.layer.0.output.dense.weight", "mlp", "encoder layer 0"),
        ("cls.predictions.transform.dense.weight", "head", "head"),
        ("decoder.block.1.layer.2.DenseReluDense.wi.weight", "mlp", "decoder layer 1"),
        ("backbone.layers.4.mixer.in_proj.weight", "other", "layer 4"),
    ],
)
def test_known_names(name: str, block: str, layer: str) -> None:
    assert (block_of(name), layer_of(name)) == (block, layer)


@pytest.mark.parametrize("make", [gpt2, llama, bert])
def test_every_parameter_of_our_architectures_has_a_block(make) -> None:
    found = {block_of(name, p.ndim) for name, p in make().named_parameters()}
    assert {"embedding", "attention", "mlp", "norm+bias"} <= found and "other" not in found


def test_the_package_imports_without_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import harness.measures.flatness"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
