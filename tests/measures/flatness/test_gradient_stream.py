"""Streamed gradients are those of autograd, and their products those of the definition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from small_models import bart, bert, gpt2, llama, t5, texts
from torch import Tensor, nn

from harness.measures.flatness.forward import scored_logits
from harness.measures.flatness.gradient_stream import CHUNK, products_of, stream_gradients
from harness.measures.flatness.layout import ParameterLayout, square_rows

MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_equals_autograd_and_frees_each_gradient(make: Callable[[], nn.Module], objective: str) -> None:
    model, sequence = make(), texts(1, objective=objective)[0]
    tensors = ParameterLayout.of(model).tensors
    tensors[0].grad = torch.ones_like(tensors[0])
    logits, _ = scored_logits(model, sequence, objective)
    score = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0), dtype=logits.dtype)
    expected = torch.autograd.grad(logits, tensors, score, allow_unused=True, retain_graph=True)
    found: dict[int, Tensor] = {}

    def consume(number: int, gradient: Tensor) -> None:
        assert number not in found and all(t.grad is None for t in tensors)
        found[number] = gradient.clone()

    stream_gradients(logits, score, tensors, consume)
    assert set(found) == {n for n, g in enumerate(expected) if g is not None}
    assert all(torch.allclose(found[n], expected[n], rtol=1e-12, atol=1e-14) for n in found)
    assert torch.equal(tensors[0].grad, torch.ones_like(tensors[0]))
    assert all(t.grad is None for t in tensors[1:]) and not tensors[0]._post_accumulate_grad_hooks


def test_an_error_leaves_nothing_behind() -> None:
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.zeros(2)

    def refuse(number: int, gradient: Tensor) -> None:
        raise ValueError(f"{number}")

    with pytest.raises(ValueError, match="0"):
        stream_gradients(x * 2, torch.ones(2), [x], refuse)
    assert x.grad.tolist() == [0, 0] and not x._post_accumulate_grad_hooks


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(7,), (3, 4, 5), (700, 400), (2, CHUNK + 1)])
def test_products_are_those_of_the_whole(shape: tuple[int, ...], transposed: bool) -> None:
    if transposed and len(shape) != 2:
        pytest.skip("only a matrix is stored transposed")
    torch.manual_seed(0)
    w, g = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    found = products_of(w, g, transposed)
    assert torch.allclose(found.rows, square_rows(g, transposed), rtol=1e-12)
    assert float(found.radial) == pytest.approx(float((w * g).sum()), rel=1e-10)
    assert float(found.element) == pytest.approx(float((w * g).square().sum()), rel=1e-12)


def test_half_precision_is_summed_in_float32() -> None:
    g = torch.full((2, 3), 300.0, dtype=torch.bfloat16)
    found = products_of(torch.ones_like(g), g, transposed=False)
    assert found.rows.dtype == torch.float32 and found.rows.tolist() == [270000, 270000]
