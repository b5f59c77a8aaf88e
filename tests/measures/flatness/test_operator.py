"""Products with H and G against the matrices written out, curvlinops, and forms of either sign."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_models import Linear, bart, bert, gauss_newton, gpt2, llama, product_by_differences, t5, texts
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.operator import CurvatureOperator, halves

MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


def vectors(operator: CurvatureOperator, count: int = 2) -> Tensor:
    return torch.randn(count, operator.size, generator=torch.Generator().manual_seed(3), dtype=operator.dtype)


def mixed(objective: str) -> list[ScoredSequence]:
    """Two lengths, so that groups and single sequences both occur."""
    return [*texts(2, length=4, objective=objective), *texts(1, length=5, objective=objective)]


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_gauss_newton_products_are_those_of_the_full_matrix(make: Callable[[], nn.Module], objective: str) -> None:
    model, sequences = make(), mixed(objective)
    operator = CurvatureOperator(model, sequences, objective, "gauss_newton")
    matrices = torch.stack([gauss_newton(model, s, objective) for s in sequences])
    u, v = vectors(operator, 3), vectors(operator)
    applied = operator.apply(v)
    exact = v @ matrices.sum(0) / int(operator.tokens.sum())
    assert torch.allclose(applied.products, exact, rtol=1e-10, atol=1e-12)
    alone = operator.apply(v, against=u)
    assert torch.allclose(alone.products, exact, rtol=1e-10, atol=1e-12)
    assert alone.terms == pytest.approx(torch.einsum("ip,npq,kq->nik", u, matrices, v).numpy(), rel=1e-9, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_hessian_products_are_differences_of_gradients(make: Callable[[], nn.Module], objective: str) -> None:
    model, sequences = make(), mixed(objective)
    operator = CurvatureOperator(model, sequences, objective, "hessian")
    v = vectors(operator)
    parts = torch.stack([torch.stack([product_by_differences(model, s, objective, x) for x in v]) for s in sequences])
    exact = parts.sum(0) / int(operator.tokens.sum())
    tolerance = {"rtol": 1e-5, "atol": 1e-6 * float(exact.abs().max())}
    assert torch.allclose(operator.apply(v).products, exact, **tolerance)
    alone = operator.apply(v, against=v)
    assert torch.allclose(alone.products, exact, **tolerance)
    forms = torch.einsum("kp,nkp->nk", v, parts).numpy()
    assert alone.terms.diagonal(axis1=1, axis2=2) == pytest.approx(forms, rel=1e-5, abs=1e-5)
    assert (operator.apply(v[0]).products == operator.apply(v[:1]).products[0]).all()


def test_gauss_newton_agrees_with_curvlinops() -> None:
    curvlinops = pytest.importorskip("curvlinops")
    model, sequences = gpt2(), texts(3)

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: Tensor) -> Tensor:
            return self.inner(input_ids=ids).logits[:, :-1].flatten(0, 1)

    ids = torch.stack([s.ids for s in sequences])
    operator = CurvatureOperator(model, sequences, "causal", "gauss_newton")
    with sdpa_kernel(SDPBackend.MATH):
        theirs = curvlinops.GGNLinearOperator(
            Logits(), nn.CrossEntropyLoss(), list(model.parameters()),
            [(ids, ids[:, 1:].flatten())], check_deterministic=False,
        )  # fmt: skip
        expected = theirs @ vectors(operator).T
    ours = operator.apply(vectors(operator)).products.T
    assert float((ours - expected).norm() / expected.norm()) < 1e-6


class Form(nn.Module):
    """``CE([z, -z], 0)`` with ``z = -50 - w'Aw / 4``: a loss of ``100 + w'Aw / 2``, whose Hessian is A."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix
        self.w = nn.Parameter(torch.zeros(len(matrix), dtype=matrix.dtype))

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        z = -50 - self.w @ self.matrix @ self.w / 4
        return SimpleNamespace(logits=torch.stack([z, -z]).expand(*input_ids.shape, 2))


@pytest.mark.parametrize("sign", [1, -1])
def test_quadratic_forms_of_either_sign(sign: int) -> None:
    root = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix = sign * root @ root.T
    one = torch.zeros(1, dtype=torch.int64)
    operator = CurvatureOperator(Form(matrix), [ScoredSequence(one, one, n, n) for n in range(3)], "masked")
    applied = operator.apply(torch.eye(6).double(), against=torch.eye(6).double())
    assert torch.allclose(applied.products, matrix, rtol=1e-10, atol=1e-12)
    assert applied.terms == pytest.approx(matrix.expand(3, -1, -1).numpy(), rel=1e-10)


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
def test_one_class_alone_has_no_curvature(matrix: str) -> None:
    torch.manual_seed(0)
    model = Linear(torch.randn(5, 2, dtype=torch.float64), classes=1)
    ids = torch.arange(4)
    operator = CurvatureOperator(
        model, [ScoredSequence(ids, torch.zeros(4, dtype=torch.int64), 0, 0)], "masked", matrix
    )
    assert float(operator.apply(torch.ones(2)).products.abs().max()) == 0


def test_products_are_per_token_and_the_order_of_sequences_changes_nothing() -> None:
    model, sequences = gpt2(), mixed("causal")
    forth, back = (CurvatureOperator(model, order, "causal") for order in (sequences, sequences[::-1]))
    v = vectors(forth)
    assert forth.tokens.tolist() == [3, 3, 4] and back.tokens.tolist() == [4, 3, 3]
    assert torch.allclose(forth.apply(v).products, back.apply(v).products, rtol=1e-12, atol=1e-14)
    parts = [CurvatureOperator(model, [s], "causal") for s in sequences]
    weighted = sum(int(p.tokens[0]) * p.apply(v).products for p in parts) / 10
    assert torch.allclose(forth.apply(v).products, weighted, rtol=1e-12, atol=1e-14)
    small = CurvatureOperator(model, sequences, "causal", group_tokens=1)
    assert torch.allclose(forth.apply(v).products, small.apply(v).products, rtol=1e-12, atol=1e-14)


def test_masked_positions_of_a_group_are_its_sequences_own() -> None:
    """Sequences of one length that score unequally many positions."""
    model, sequences = bert(), texts(2, objective="masked")
    labels = sequences[0].ids.clone()
    labels[:2] = -100
    uneven = [ScoredSequence(sequences[0].ids, labels, 0, "uneven"), sequences[1]]
    operator = CurvatureOperator(model, uneven, "masked", "gauss_newton")
    v = vectors(operator)
    exact = v @ sum(gauss_newton(model, s, "masked") for s in uneven) / 5
    assert operator.tokens.tolist() == [3, 2]
    assert torch.allclose(operator.apply(v).products, exact, rtol=1e-10, atol=1e-12)


def test_tied_weights_count_once() -> None:
    """Tied, the embedding's block holds what the untied model has in two blocks and between them."""
    tied, untied = gpt2(tied=True), gpt2(tied=False)
    untied.load_state_dict(tied.state_dict())
    one, two = (CurvatureOperator(m, texts(2), "causal", "gauss_newton") for m in (tied, untied))
    size = tied.lm_head.weight.numel()
    assert two.size - one.size == size and two.names[-1] == "lm_head.weight"
    v = vectors(one)
    doubled = two.apply(torch.cat([v, v[:, :size]], dim=1)).products
    folded = doubled[:, : one.size].clone()
    folded[:, :size] += doubled[:, one.size :]
    assert torch.allclose(one.apply(v).products, folded, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
def test_frozen_parameters_are_left_out_and_unused_ones_are_zero(matrix: str) -> None:
    model = gpt2()
    whole = CurvatureOperator(model, texts(2), "causal", matrix)
    v = vectors(whole)
    sizes = dict(zip(whole.names, whole.lengths, strict=True))
    frozen = "transformer.wpe.weight"
    start = sum(sizes[n] for n in whole.names[: whole.names.index(frozen)])
    kept = torch.ones(whole.size, dtype=torch.bool)
    kept[start : start + sizes[frozen]] = False
    expected = whole.apply(v * kept).products[:, kept]
    model.transformer.wpe.weight.requires_grad_(False)
    model.spare = nn.Linear(3, 2, dtype=torch.float64)
    part = CurvatureOperator(model, texts(2), "causal", matrix)
    assert part.size == whole.size - sizes[frozen] + 8 and part.names[-2:] == ("spare.weight", "spare.bias")
    products = part.apply(torch.cat([v[:, kept], torch.ones(2, 8, dtype=torch.float64)], dim=1)).products
    assert torch.allclose(products[:, :-8], expected, rtol=1e-12, atol=1e-14)
    assert float(products[:, -8:].abs().max()) == 0


def test_float32_is_near_float64() -> None:
    exact, short = (CurvatureOperator(gpt2(dtype), texts(3), "causal") for dtype in (torch.float64, torch.float32))
    products = short.apply(vectors(exact).float()).products
    assert products.dtype == torch.float32
    expected = exact.apply(vectors(exact)).products
    assert float((products - expected).norm() / expected.norm()) < 1e-5


def test_some_of_the_sequences_alone() -> None:
    sequences = [ScoredSequence(s.ids, s.labels, 10 * (n // 2), n) for n, s in enumerate(texts(6))]
    operator = CurvatureOperator(gpt2(), sequences, "causal")
    first, second = halves(operator)
    assert first.tolist() == [True, True, False, False, True, True] and (first != second).all()
    v = vectors(operator)
    left, right = operator.restricted(first).apply(v), operator.restricted(second).apply(v)
    assert torch.allclose((2 * left.products + right.products) / 3, operator.apply(v).products, rtol=1e-12, atol=1e-14)
    assert operator.losses[first].tolist() == operator.restricted(first).losses.tolist()


def test_mode_and_gradients_are_left_as_they_were() -> None:
    model = gpt2(dropout=0.5)
    calm = CurvatureOperator(model, texts(2), "causal")
    v = vectors(calm)
    expected = calm.apply(v).products
    model.train()
    with torch.no_grad():
        again = CurvatureOperator(model, texts(2), "causal").apply(v).products
    assert (again == expected).all() and model.training and all(p.grad is None for p in model.parameters())
    assert not again.requires_grad


def test_attention_kernels_agree() -> None:
    model = gpt2()
    held = CurvatureOperator(model, texts(2), "causal")
    expected = held.apply(vectors(held)).products
    model.set_attn_implementation("eager")
    eager = CurvatureOperator(model, texts(2), "causal")
    assert (held.kernel, eager.kernel) == ("sdpa (math)", "eager")
    assert torch.allclose(eager.apply(vectors(held)).products, expected, rtol=1e-10, atol=1e-13)


def test_bad_input_is_one_clear_message() -> None:
    with pytest.raises(HarnessError, match="bfloat16: curvature products"):
        CurvatureOperator(gpt2(torch.bfloat16), texts(2), "causal", "gauss_newton")
    with pytest.raises(HarnessError, match="matrix is 'hesian'; did you mean 'hessian'"):
        CurvatureOperator(gpt2(), texts(2), "causal", "hesian")
    with pytest.raises(HarnessError, match="objective 'casual'"):
        CurvatureOperator(gpt2(), texts(2), "casual")
    with pytest.raises(HarnessError, match="returns no logits"):
        CurvatureOperator(bert().bert, texts(2, objective="masked"), "masked")
    unscored = [ScoredSequence(s.ids, torch.full_like(s.ids, -100), s.cluster, s.key) for s in texts(3)]
    with pytest.raises(HarnessError, match="none of 3 sequences has a scored token"):
        CurvatureOperator(gpt2(), unscored, "causal")
    with pytest.raises(HarnessError, match="no parameter that requires a gradient"):
        CurvatureOperator(gpt2().requires_grad_(False), texts(2), "causal")
    model = gpt2()
    model.transformer.drop.register_forward_hook(lambda _, __, output: torch.dropout(output, 0.5, True))
    with pytest.raises(HarnessError, match="not deterministic"):
        CurvatureOperator(model, texts(2), "causal")
    model = gpt2()
    with torch.no_grad():
        model.transformer.wte.weight[int(texts(2)[1].ids[0])] = float("nan")
    with pytest.raises(HarnessError, match="loss of sequence .* is nan"):
        CurvatureOperator(model, texts(2), "causal")
    operator = CurvatureOperator(gpt2(), texts(2), "causal")
    with pytest.raises(HarnessError, match="product with the curvature is not finite"):
        operator.apply(torch.full((1, operator.size), np.inf, dtype=torch.float64))
