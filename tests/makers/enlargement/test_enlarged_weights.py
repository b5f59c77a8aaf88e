from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.makers.enlargement.architectures import ARCHITECTURES
from harness.makers.enlargement.embedding import enlarged
from tests.makers.enlargement.models import VOCABULARY, inputs, logits, recipe, tiny

Case = tuple[str, dict[str, Any]]
EVERY = sorted(ARCHITECTURES)
COPIES = {kind: "duplicate" if kind in ("opt", "roberta", "modernbert") else "isometric" for kind in EVERY}
WIDER: list[Case] = [(kind, {"hidden_size": 36 if kind != "gpt_neox" else 72, "width": COPIES[kind]}) for kind in EVERY]
PLAIN: list[Case] = [(kind, {"hidden_size": 48, "width": "duplicate"}) for kind in EVERY if COPIES[kind] == "isometric"]
INNER: list[Case] = [(kind, {"intermediate_size": 65}) for kind in EVERY]
DEEPER: list[Case] = [(kind, {"num_hidden_layers": 5}) for kind in EVERY if kind not in ("bert", "roberta")]
LONGER: list[Case] = [(kind, {"max_position_embeddings": 40}) for kind in EVERY]
ZEROS: list[Case] = [(kind, {"hidden_size": 19, "width": "zeros"}) for kind in ("llama", "mistral", "qwen2", "qwen3")]
UNTIED: list[Case] = [
    (kind, {"hidden_size": 24, "tie_word_embeddings": False, "width": COPIES[kind]}) for kind in EVERY
]
HEADS: list[Case] = [
    ("gpt2", {"hidden_size": 24, "num_attention_heads": 3}), ("gpt2", {"hidden_size": 48, "head_dim": 6}),
    ("opt", {"hidden_size": 24, "num_attention_heads": 4, "width": "duplicate"}),
    ("bert", {"hidden_size": 36, "head_dim": 9}),
    ("roberta", {"hidden_size": 24, "num_attention_heads": 3, "width": "duplicate"}),
    ("modernbert", {"hidden_size": 48, "num_attention_heads": 4, "width": "duplicate"}),
    ("gpt_neox", {"hidden_size": 96, "head_dim": 16}), ("gpt_neox", {"hidden_size": 40, "width": "zeros"}),
    ("gpt2", {"hidden_size": 16, "width": "zeros", "tie_word_embeddings": False}),
    ("llama", {"num_attention_heads": 8, "num_key_value_heads": 4}), ("llama", {"num_attention_heads": 12}),
    ("llama", {"num_attention_heads": 8, "num_key_value_heads": 8}), ("llama", {"head_dim": 12}),
    ("llama", {"num_attention_heads": 9, "num_key_value_heads": 3}), ("mistral", {"head_dim": 8}),
    ("qwen3", {"num_attention_heads": 14, "num_key_value_heads": 7}),
    ("qwen2", {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}),
]  # fmt: skip
ALL_AT_ONCE: list[Case] = [
    ("gpt2", {"hidden_size": 48, "num_attention_heads": 6, "intermediate_size": 64, "num_hidden_layers": 3,
              "max_position_embeddings": 20, "new_positions": "repeat"}),
    ("llama", {"hidden_size": 31, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 8,
               "intermediate_size": 20, "num_hidden_layers": 4, "max_position_embeddings": 64, "width": "zeros"}),
    ("bert", {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 17,
              "vocab_size": 40}),
    ("modernbert", {"hidden_size": 24, "num_hidden_layers": 5, "vocab_size": 30, "width": "duplicate"}),
]  # fmt: skip


def moved(kind: str, sizes: dict[str, Any], dtype: torch.dtype) -> float:
    """Largest difference of logits between a model and the larger one, relative to the largest logit."""
    sizes = dict(sizes)
    small = tiny(kind, dtype, **{name: sizes.pop(name) for name in ("tie_word_embeddings",) if name in sizes})
    large = enlarged(small, recipe(**sizes))
    for name in ("hidden_size", "num_attention_heads", "num_hidden_layers", "max_position_embeddings", "vocab_size"):
        assert getattr(large.config, name) == sizes.get(name, getattr(large.config, name))
    given = inputs(kind)
    before, after = logits(small, given), logits(large, given)
    assert after.shape[1] == sizes.get("vocab_size", VOCABULARY) and not large.training
    assert torch.softmax(after.float(), -1)[:, VOCABULARY:].sum() == 0
    return float((after[:, :VOCABULARY] - before).abs().max() / before.abs().max())


@pytest.mark.parametrize(("kind", "sizes"), ALL_AT_ONCE)
def test_a_larger_model_says_the_same(kind, sizes):
    assert moved(kind, sizes, torch.float64) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sizes"), WIDER + PLAIN + UNTIED + INNER + DEEPER + LONGER + ZEROS + HEADS)
def test_a_larger_model_of_any_architecture_says_the_same(kind, sizes):
    # ModernBERT's frequencies are float32 powers, whose last digit may differ with the length of the vector they stand in.
    powers = kind == "modernbert" and (kind, sizes) in HEADS
    assert moved(kind, sizes, torch.float64) < (1e-6 if powers else 1e-10)
    assert moved(kind, sizes, torch.float32) < 1e-5


def test_a_longer_table_of_positions_is_zero_or_begins_anew():
    small = tiny("opt")
    zero, repeat = (
        enlarged(small, recipe(max_position_embeddings=20, new_positions=way)) for way in ("zero", "repeat")
    )
    old = small.model.decoder.embed_positions.weight
    for large, expected in ((zero, torch.zeros(4, 12)), (repeat, old[2:6])):
        assert torch.equal(large.model.decoder.embed_positions.weight, torch.cat([old, expected]))


def test_what_is_new_is_zero_and_the_state_of_the_generator_is_left():
    before = torch.random.get_rng_state()
    large = enlarged(tiny("llama"), recipe(num_hidden_layers=3, intermediate_size=20))
    assert torch.equal(before, torch.random.get_rng_state())
    names = {name for name, w in large.named_parameters() if ".layers.2." in name and w.abs().sum() > 0}
    assert names == {f"model.layers.2.{name}_layernorm.weight" for name in ("input", "post_attention")}
    gate = large.model.layers[0].mlp.gate_proj.weight
    assert gate.shape == (20, 12) and not gate[14:].any() and gate[:14].all()


@pytest.mark.parametrize(("kind", "sizes", "message"), [
    ("gpt2", {"hidden_size": 8}, "hidden_size 8 is below the start's 12; enlarge only adds"),
    ("gpt2", {"hidden_size": 16}, r"16 is no multiple of 12, as copies need; zeros change LayerNorm's mean, and the embeddings"),
    ("gpt2", {"hidden_size": 16, "width": "zeros"}, "width: zeros is not exact here: .* cannot be centred"),
    ("llama", {"hidden_size": 16}, "no multiple of 12, as copies need; width: zeros can reach 16"),
    ("bert", {"hidden_size": 16, "width": "zeros"}, "output of one is part of the hidden state"),
    ("opt", {"hidden_size": 24}, "which this architecture fixes; use width: duplicate"),
    ("roberta", {"hidden_size": 24}, "head normalises what comes out of an activation .* use width: duplicate"),
    ("bert", {"num_hidden_layers": 3}, "not the identity .* leave num_hidden_layers at 2"),
    ("llama", {"vocab_size": 30}, "a new token would have a logit of zero .* leave vocab_size at 23"),
    ("gpt2", {"vocab_size": 30}, "leave vocab_size at 23"),
    ("gpt2", {"num_attention_heads": 4}, "4 heads of 3 dimensions cannot hold the start's of 4|heads of 3 dimensions cannot hold"),
    ("gpt2", {"hidden_size": 24, "num_attention_heads": 5}, "5 heads of 4 do not fill a hidden size of 24"),
    ("gpt2", {"num_key_value_heads": 3}, "gpt2 has no num_key_value_heads"),
    ("gpt_neox", {"hidden_size": 72, "num_attention_heads": 6}, "rotary frequencies depend on the size of a head: 8 can become a multiple"),
    ("qwen3", {"head_dim": 8}, "normalises queries and keys by head; keep head_dim 4"),
    ("llama", {"num_attention_heads": 7, "num_key_value_heads": 3}, "7 heads cannot share 3 keys"),
    ("llama", {"num_attention_heads": 6, "num_key_value_heads": 6, "num_hidden_layers": 1}, "num_hidden_layers 1 is below"),
    ("llama", {"num_key_value_heads": 6, "num_attention_heads": 6, "head_dim": 2}, "head_dim 2 is below"),
])  # fmt: skip
def test_what_cannot_be_exact_is_refused_with_the_reason(kind, sizes, message):
    with pytest.raises(HarnessError, match=message):
        enlarged(tiny(kind), recipe(**sizes))


def test_keys_that_would_need_more_copies_than_there_are_are_refused():
    with pytest.raises(HarnessError, match="each would need 2 copies of its key; give num_key_value_heads >= 6"):
        enlarged(tiny("llama", num_attention_heads=12), recipe(num_attention_heads=12, num_key_value_heads=4))


@pytest.mark.parametrize(("kind", "changes", "message"), [
    ("gpt2", {"add_cross_attention": True}, "this gpt2 has add_cross_attention: True, which cannot be enlarged; expected False"),
    ("opt", {"word_embed_proj_dim": 8}, "has a weight '.*project_.*' whose axes are not known here"),
    ("opt", {"do_layer_norm_before": False}, "this opt has do_layer_norm_before: False"),
    ("llama", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
     "rotary embeddings of type dynamic change with the size of a head and the longest context"),
])  # fmt: skip
def test_variants_that_are_not_in_the_table_are_refused(kind, changes, message):
    with pytest.raises(HarnessError, match=message):
        enlarged(tiny(kind, **changes), recipe(max_position_embeddings=40))


def test_another_architecture_is_refused_by_name():
    from transformers import GPTJConfig, GPTJForCausalLM

    model = GPTJForCausalLM(
        GPTJConfig(vocab_size=9, n_embd=8, n_layer=1, n_head=1, rotary_dim=4, bos_token_id=0, eos_token_id=0)
    )
    with pytest.raises(HarnessError, match="architecture 'gptj' cannot be enlarged: .* expected one of gpt2, llama"):
        enlarged(model, recipe(num_hidden_layers=2))
