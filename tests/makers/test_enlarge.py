from __future__ import annotations

import pytest
import torch

from harness.errors import HarnessError
from harness.makers.enlargement.architectures import ARCHITECTURES
from harness.makers.enlargement.embedding import enlarged
from harness.specs import Enlarge
from tests.makers.models import VOCABULARY, in_its_dtype, inputs, logits, tiny


def recipe(**sizes) -> Enlarge:
    return Enlarge.model_validate({"maker": "enlarge", "start": "nothing", **sizes})


def moved(kind: str, small, large) -> float:
    """Largest difference of logits, relative to the largest."""
    given = inputs(kind)
    before, after = logits(small, given), logits(large, given)[:, :VOCABULARY]
    return float((after - before).abs().max() / before.abs().max())


COPIES = {kind: "duplicate" if kind in ("opt", "roberta", "modernbert") else "isometric" for kind in ARCHITECTURES}
EVERY = sorted(ARCHITECTURES)
WIDER = [(kind, {"hidden_size": 36 if kind != "gpt_neox" else 72, "width": COPIES[kind]}) for kind in EVERY]
PLAIN = [(kind, {"hidden_size": 48, "width": "duplicate"}) for kind in EVERY if COPIES[kind] == "isometric"]
INNER = [(kind, {"intermediate_size": 50}) for kind in EVERY]
DEEPER = [(kind, {"num_hidden_layers": 5}) for kind in EVERY if kind not in ("bert", "roberta")]
LONGER = [(kind, {"max_position_embeddings": 40}) for kind in EVERY]
ZEROS = [(kind, {"hidden_size": 19, "width": "zeros"}) for kind in ("llama", "mistral", "qwen2", "qwen3")]
HEADS = [
    ("gpt2", {"hidden_size": 24, "num_attention_heads": 3}), ("gpt2", {"hidden_size": 48, "head_dim": 6}),
    ("opt", {"hidden_size": 24, "num_attention_heads": 4, "width": "duplicate"}), ("bert", {"hidden_size": 36, "head_dim": 9}),
    ("roberta", {"hidden_size": 24, "num_attention_heads": 3, "width": "duplicate"}),
    ("modernbert", {"hidden_size": 48, "num_attention_heads": 4, "width": "duplicate"}),
    ("gpt_neox", {"hidden_size": 96, "head_dim": 16}), ("gpt_neox", {"hidden_size": 40, "width": "zeros"}),
    ("llama", {"num_attention_heads": 8, "num_key_value_heads": 4}), ("llama", {"num_attention_heads": 12}),
    ("llama", {"num_attention_heads": 8, "num_key_value_heads": 8}), ("llama", {"head_dim": 12}),
    ("llama", {"num_attention_heads": 9, "num_key_value_heads": 3}), ("qwen3", {"num_attention_heads": 14, "num_key_value_heads": 7}),
    ("qwen2", {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}), ("mistral", {"head_dim": 8}),
]  # fmt: skip
TURNED = [(kind, sizes) for kind, sizes in HEADS if kind == "modernbert"]
"""Frequencies of rotations are worked out in float32, and the same power may end on another last digit in a longer vector."""
ALL_AT_ONCE = [
    ("gpt2", {"hidden_size": 48, "num_attention_heads": 6, "intermediate_size": 64, "num_hidden_layers": 3,
              "max_position_embeddings": 20, "new_positions": "repeat"}),
    ("llama", {"hidden_size": 31, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 8, "intermediate_size": 20,
               "num_hidden_layers": 4, "max_position_embeddings": 64, "width": "zeros"}),
    ("bert", {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 17, "vocab_size": 40}),
    ("modernbert", {"hidden_size": 24, "num_hidden_layers": 5, "vocab_size": 30, "width": "duplicate"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sizes"), WIDER + PLAIN + INNER + DEEPER + LONGER + ZEROS + HEADS + ALL_AT_ONCE)
def test_a_larger_model_says_the_same(kind, sizes):
    small = tiny(kind)
    large = enlarged(small, recipe(**sizes))
    assert moved(kind, small, large) < (1e-6 if (kind, sizes) in TURNED else 1e-10)
    assert (
        sum(p.numel() for p in large.parameters()) > sum(p.numel() for p in small.parameters())
        or "max_position_embeddings" in sizes
    )
    for name, size in sizes.items():
        if name not in ("width", "new_positions", "intermediate_size", "head_dim"):
            assert getattr(large.config, name) == size


def trace_by_weight(kind: str, model) -> dict[str, float]:
    """Tr(G) of each weight, exactly: for every scored token and every label, p(label) |gradient of log p(label)|^2, summed."""
    given = {name: value[1:, :5] for name, value in inputs(kind).items()}
    weights = dict(model.named_parameters())
    found = torch.log_softmax(in_its_dtype(model)(**given).logits[0], -1)
    terms = dict.fromkeys(weights, 0.0)
    for row in found[[1, 4]]:
        for log_p in row[row > -1000]:
            gradients = torch.autograd.grad(log_p, list(weights.values()), retain_graph=True)
            for name, gradient in zip(weights, gradients, strict=True):
                terms[name] += float(log_p.exp()) * float(gradient.pow(2).sum())
    return terms


def ratios(kind: str, **sizes) -> dict[str, float]:
    """Trace of each weight in the larger model over that in the small one; for weights of new layers the trace itself.

    A bias of keys has no gradient but rounding, since softmax takes away what all keys share; it is left out.
    """
    small = tiny(kind)
    before, after = trace_by_weight(kind, small), trace_by_weight(kind, enlarged(small, recipe(**sizes)))
    return {
        name: value / before.get(name, 1.0)
        for name, value in after.items()
        if value > 1e-25 or before.get(name, 0) > 1e-25
    }


@pytest.mark.parametrize(("kind", "sizes"), [
    ("gpt2", {"hidden_size": 24}), ("llama", {"hidden_size": 36, "num_attention_heads": 8, "num_key_value_heads": 4}),
    ("gpt_neox", {"hidden_size": 48, "intermediate_size": 40}), ("bert", {"hidden_size": 36, "vocab_size": 30}),
])  # fmt: skip
def test_isometric_copies_keep_the_trace_of_every_weight(kind, sizes):
    found = ratios(kind, **sizes)
    head = {name: value for name, value in found.items() if name.startswith("cls.predictions.transform.dense")}
    assert all(value == pytest.approx(1 / 3, rel=1e-8) for value in head.values()) and len(head) == 2 * (kind == "bert")
    assert all(value == pytest.approx(1, rel=1e-8) for name, value in found.items() if name not in head)
    assert len(found) >= len(list(tiny(kind).parameters())) - 6


def test_copies_that_keep_the_epsilon_move_traces_by_known_factors():
    found = ratios("bert", hidden_size=24, width="duplicate")
    factors = {
        "query.weight": 2,
        "intermediate.dense.weight": 2,
        "output.dense.weight": 0.5,
        "word_embeddings.weight": None,
    }
    for name, value in found.items():
        for ending, factor in factors.items():
            if name.endswith(ending) and factor:
                assert value == pytest.approx(factor, rel=1e-8), name
    found = ratios("qwen3", hidden_size=24)
    assert {round(v, 6) for n, v in found.items() if ".q_proj." in n or ".k_proj." in n} == {2.0}
    assert {round(v, 6) for n, v in found.items() if "_proj." not in n or ".o_proj" in n or ".v_proj" in n} == {1.0}


def test_zeros_keep_the_trace_of_all_but_the_gains():
    found = ratios("llama", hidden_size=18, width="zeros")
    for name, value in found.items():
        assert value == pytest.approx(1.5 if "norm" in name else 1.0, rel=1e-8), name
    total = [
        sum(trace_by_weight("gpt_neox", m).values())
        for m in (tiny("gpt_neox"), enlarged(tiny("gpt_neox"), recipe(hidden_size=40, width="zeros")))
    ]
    print(total)


def test_layers_that_add_nothing_keep_the_trace_of_the_old_weights():
    found = ratios("gpt2", num_hidden_layers=3)
    new = {name for name in found if ".h.2." in name}
    assert new == {"transformer.h.2.attn.c_proj.bias", "transformer.h.2.mlp.c_proj.bias"}
    assert all(value == pytest.approx(1, rel=1e-8) for name, value in found.items() if name not in new)
    assert all(value == pytest.approx(1, rel=1e-8) for value in ratios("mistral", num_hidden_layers=4).values())
