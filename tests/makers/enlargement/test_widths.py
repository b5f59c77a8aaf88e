"""What each way to widen does to Tr(G), weight by weight, against exact traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.makers.enlargement.embedding import enlarged
from tests.makers.enlargement.models import in_its_dtype, inputs, recipe, tiny

EXACT = pytest.approx(1, rel=1e-8)


def squares(weight: torch.Tensor, gradient: torch.Tensor) -> float:
    """What a weight adds to the trace."""
    return float(gradient.pow(2).sum())


def squares_by_row(weight: torch.Tensor, gradient: torch.Tensor) -> float:
    """What a weight adds to S_row: that of each row, times the row's mean square."""
    rows, slopes = weight.detach().reshape(len(weight), -1), gradient.reshape(len(weight), -1)
    return float((rows.pow(2).mean(1) * slopes.pow(2).sum(1)).sum())


def trace_by_weight(kind: str, model: Any, adds: Callable[..., float] = squares) -> dict[str, float]:
    """Tr(G) of each weight: for two tokens and every label, p(label) |gradient of log p(label)|^2, summed.

    Labels of no probability add nothing. A bias of keys has no gradient but rounding, since softmax takes away what all
    keys share: no trace.
    """
    given = {name: value[1:, :5] for name, value in inputs(kind).items()}
    weights = dict(model.named_parameters())
    found = torch.log_softmax(in_its_dtype(model)(**given).logits[0], -1)
    terms = dict.fromkeys(weights, 0.0)
    for row in found[[1, 4]]:
        for log_p in row[row > -1000]:
            gradients = torch.autograd.grad(log_p, list(weights.values()), retain_graph=True)
            for name, gradient in zip(weights, gradients, strict=True):
                terms[name] += float(log_p.exp().detach()) * adds(weights[name], gradient)
    return {name: term for name, term in terms.items() if term > 1e-25}


def ratios(kind: str, **sizes: Any) -> dict[str, float]:
    """Trace of each weight in the larger model over that in the small one; infinite for weights of new layers."""
    small = tiny(kind)
    before, after = trace_by_weight(kind, small), trace_by_weight(kind, enlarged(small, recipe(**sizes)))
    assert set(before) <= set(after)
    return {name: value / before[name] if name in before else float("inf") for name, value in after.items()}


def test_isometric_copies_keep_the_trace_of_every_weight():
    found = ratios("gpt2", hidden_size=24, intermediate_size=60)
    assert len(found) == len(list(tiny("gpt2").parameters())) and all(value == EXACT for value in found.values())


@pytest.mark.slow
@pytest.mark.parametrize(("width", "writer"), [("isometric", 1 / 3), ("zeros", 1.0)])
def test_noise_relative_to_a_row_is_less_on_copies(width, writer):
    small = tiny("llama")
    large = enlarged(small, recipe(hidden_size=36, width=width))
    before, after = (trace_by_weight("llama", model, squares_by_row) for model in (small, large))
    for name in before:
        if "_proj.weight" in name:
            factor = writer if "o_proj" in name or "down_proj" in name else 1 / 3
            assert after[name] == pytest.approx(factor * before[name], rel=1e-8), name


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sizes"), [
    ("llama", {"hidden_size": 36, "num_attention_heads": 8, "num_key_value_heads": 4}),
    ("gpt_neox", {"hidden_size": 48}), ("qwen2", {"hidden_size": 24, "num_hidden_layers": 3}), ("mistral", {"num_hidden_layers": 4}),
])  # fmt: skip
def test_they_do_so_in_other_architectures_and_new_layers_without_biases_add_nothing(kind, sizes):
    assert all(value == EXACT for value in ratios(kind, **sizes).values())


@pytest.mark.slow
def test_the_known_exceptions_are_those_that_the_text_names():
    bert = ratios("bert", hidden_size=36, vocab_size=30)
    head = {name: bert.pop(f"cls.predictions.transform.dense.{name}") for name in ("weight", "bias")}
    assert all(value == pytest.approx(1 / 3, rel=1e-8) for value in head.values())
    assert all(value == EXACT for value in bert.values())
    for name, value in ratios("qwen3", hidden_size=24).items():
        assert value == pytest.approx(2 if ".q_proj." in name or ".k_proj." in name else 1, rel=1e-8), name


LAST = ("transformer.ln_f", "decoder.final_layer_norm", "head.norm", "predictions.transform.LayerNorm")


@pytest.mark.slow
def test_plain_copies_multiply_the_trace_of_what_sees_them_all():
    bert = ratios("bert", hidden_size=24, width="duplicate")
    for name, value in bert.items():
        if any(part in name for part in (".query.weight", ".value.weight", "intermediate.dense.weight", *LAST)):
            assert value == pytest.approx(2, rel=1e-8), name
        if any(part in name for part in (".query.bias", "intermediate.dense.bias", "cls.predictions.bias")):
            assert value == EXACT, name


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sizes"), [
    ("gpt2", {"n_embd": 48}), ("opt", {"hidden_size": 48, "word_embed_proj_dim": 48}), ("modernbert", {"hidden_size": 48}),
])  # fmt: skip
def test_plain_copies_keep_that_of_other_readers_and_add_a_share_to_that_of_writers(kind, sizes):
    small = tiny(kind, **sizes)
    large = enlarged(small, recipe(hidden_size=96, width="duplicate"))
    before, after = (trace_by_weight(kind, model) for model in (small, large))
    for name, trace in before.items():
        reads = any(
            part in name
            for part in (".c_attn.", ".c_fc.", "_norm.", "ln_", ".q_proj.", ".v_proj.", ".fc1.", "Wqkv", "Wi")
        )
        doubled = any(part in name for part in LAST) or name == "model.layers.0.attn.Wqkv.weight"
        if doubled or reads:
            assert after[name] == pytest.approx(trace * (2 if doubled else 1), rel=1e-8), name
        else:
            assert trace * (1 - 1e-8) < after[name] < 1.06 * trace, name


@pytest.mark.slow
def test_zeros_keep_the_trace_of_all_but_the_gains_and_under_layer_norm_of_what_reads():
    for name, value in ratios("llama", hidden_size=18, width="zeros").items():
        assert value == pytest.approx(1.5 if "norm" in name else 1, rel=1e-8), name
    for name, value in ratios("gpt_neox", hidden_size=40, width="zeros").items():
        gain = "norm" in name and name.endswith(".weight")
        if any(part in name for part in ("embed_in", "attention.dense", "4h_to_h")):
            assert 1 < value < 1.1, name
        else:
            assert value == pytest.approx(40 / 24 if gain else 1, rel=1e-8), name


@pytest.mark.slow
def test_new_layers_keep_the_trace_of_the_old_weights_and_have_that_of_their_biases():
    found = ratios("gpt2", num_hidden_layers=3)
    new = {found.pop(f"transformer.h.2.{part}.c_proj.bias") for part in ("attn", "mlp")}
    assert new == {float("inf")} and all(value == EXACT for value in found.values())


@pytest.mark.slow
def test_larger_heads_divide_the_trace_of_queries_alone():
    for name, value in ratios("mistral", head_dim=8).items():
        assert value == pytest.approx(0.5 if ".q_proj." in name else 1, rel=1e-8), name
