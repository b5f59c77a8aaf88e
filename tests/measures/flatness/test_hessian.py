"""The Hessian trace against finite differences, pyhessian, and forms of either sign."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_models import Linear, bart, bert, gpt2, hessian_by_differences, llama, product_by_differences, t5, texts
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness import hessian_trace
from harness.measures.flatness.hessian import draw_hessian, hessian_vector_product
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.randomness import private_generator, rademacher

MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


def probe_of(layout: ParameterLayout, seed: int, key: int | str) -> list[Tensor]:
    generator = private_generator(seed, key, "hessian probe")
    return [rademacher(p.shape, generator, p.dtype, p.device) for p in layout.tensors]


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_quadratic_form_equals_a_difference_of_gradients(make: Callable[[], nn.Module], objective: str) -> None:
    model = make()
    sequence = texts(1, length=4, objective=objective)[0]
    layout = ParameterLayout.of(model)
    with sdpa_kernel(SDPBackend.MATH):
        draws = [draw_hessian(model, layout, SequenceGroup.of(sequence), objective, seed) for seed in range(2)]
    for seed in range(2):
        probe = torch.cat([v.reshape(-1) for v in probe_of(layout, seed, sequence.key)])
        product = product_by_differences(model, sequence, objective, probe)
        pieces = (probe * product).split([p.numel() for p in layout.tensors])
        by_tensor = np.bincount(layout.tensor_of_part, draws[seed].trace)
        assert by_tensor == pytest.approx([float(x.sum()) for x in pieces], rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_probes_have_the_mean_and_variance_of_the_full_hessian() -> None:
    """Mean Tr H, variance 2 (|H|_F^2 - sum h_ii^2), with H formed from finite differences."""
    model, sequence = gpt2(), texts(1, length=3)[0]
    layout = ParameterLayout.of(model)
    matrix = hessian_by_differences(model, sequence, "causal")
    with sdpa_kernel(SDPBackend.MATH):
        values = np.array(
            [draw_hessian(model, layout, SequenceGroup.of(sequence), "causal", seed).trace.sum() for seed in range(60)]
        )
    spread = float((2 * (matrix.square().sum() - matrix.diagonal().square().sum())).sqrt())
    assert abs(values.mean() - float(matrix.trace())) < 4 * spread / np.sqrt(len(values))
    assert 0.6 < values.std() / spread < 1.5


class Quadratic(nn.Module):
    """``CE([z, -z], 0)`` with ``z = -50 - w'Aw / 4``: a loss of ``100 + w'Aw / 2``, whose Hessian is A."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix
        self.w = nn.Parameter(torch.zeros(len(matrix), dtype=matrix.dtype))

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        z = -50 - self.w @ self.matrix @ self.w / 4
        return SimpleNamespace(logits=torch.stack([z, -z]).expand(1, input_ids.shape[1], 2))


@pytest.mark.parametrize("sign", [1, -1])
def test_quadratic_form_of_either_sign(sign: int) -> None:
    """The mean is Tr A, and a negative trace does not stop before the minimum, nor below its precision."""
    torch.manual_seed(0)
    root = torch.randn(6, 6, dtype=torch.float64)
    matrix = sign * root @ root.T
    one = torch.zeros(1, dtype=torch.int64)
    sequences = [ScoredSequence(one, one, n, n) for n in range(1000)]
    result = hessian_trace(Quadratic(matrix), sequences, objective="masked", seed=0, precision=0.1)
    assert 32 <= result.sequences < 1000 and result.reached <= 0.1
    assert abs(result.trace - float(matrix.trace())) < 4 * result.stderr
    assert np.sign(result.trace) == sign


def test_diagonal_form_is_exact_in_every_probe() -> None:
    matrix = torch.diag(torch.tensor([1.0, -2.0, 4.0], dtype=torch.float64))
    one = torch.zeros(1, dtype=torch.int64)
    result = hessian_trace(
        Quadratic(matrix), [ScoredSequence(one, one, n, n) for n in range(40)], objective="masked", seed=0
    )
    assert result.trace == pytest.approx(3.0, abs=1e-10)
    assert result.sequences == 40


def test_softmax_regression_has_its_closed_form() -> None:
    torch.manual_seed(0)
    model = Linear(torch.randn(30, 4, dtype=torch.float64), classes=5)
    sequences = [ScoredSequence(torch.randint(0, 30, (20,)), torch.randint(0, 5, (20,)), n, n) for n in range(100)]
    result = hessian_trace(model, sequences, objective="masked", seed=0, precision=None)
    x = model.features[torch.cat([s.ids for s in sequences])]
    p = (x @ model.head.weight.detach().T).softmax(1)
    exact = float((x.square().sum(1) * (1 - p.square().sum(1))).mean())
    assert abs(result.trace - exact) < 3 * result.stderr < 0.25 * exact


def test_equals_pyhessian_with_equal_probes() -> None:
    """The same signs give the same v'Hv; pyhessian needs a tensor-in, tensor-out model and the MATH kernel."""
    pyhessian = pytest.importorskip("pyhessian")
    model, sequence = gpt2(torch.float32), texts(1)[0]

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: Tensor) -> Tensor:
            return self.inner(input_ids=ids).logits[0, :-1]

    def summed(logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(logits, labels[0, 1:], reduction="sum")

    with sdpa_kernel(SDPBackend.MATH):
        theirs = pyhessian.hessian(Logits(), summed, data=(sequence.ids[None], sequence.ids[None]), cuda=False)
        torch.manual_seed(7)
        expected = theirs.trace(maxIter=3, tol=0)
        model.zero_grad(set_to_none=True)
        layout = ParameterLayout.of(model)
        torch.manual_seed(7)
        for value in expected:
            probe = [torch.randint_like(p, high=2).mul(2).sub(1) for p in layout.tensors]
            loss = summed(Logits()(sequence.ids[None]), sequence.ids[None])
            product, _ = hessian_vector_product(loss, layout.tensors, probe)
            ours = sum(float((v * h).sum()) for v, h in zip(probe, product, strict=True))
            assert ours == pytest.approx(value, rel=1e-5)


def test_sdpa_and_eager_attention_agree() -> None:
    model = gpt2()
    options = {"objective": "causal", "seed": 0, "precision": None, "minimum": 2}
    held = hessian_trace(model, texts(3), **options)
    model.set_attn_implementation("eager")
    eager = hessian_trace(model, texts(3), **options)
    assert (held.kernel, eager.kernel) == ("sdpa (math)", "eager")
    assert held.trace == pytest.approx(eager.trace, rel=1e-10)


def test_half_precision_and_flash_attention_are_refused() -> None:
    options = {"objective": "causal", "seed": 0, "minimum": 2}
    with pytest.raises(HarnessError, match="bfloat16: second derivatives"):
        hessian_trace(gpt2(torch.bfloat16), texts(3), **options)
    model = gpt2()
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(HarnessError, match="'flash_attention_2' has no second derivative"):
        hessian_trace(model, texts(3), **options)


def test_training_mode_changes_nothing() -> None:
    model = gpt2(dropout=0.5)
    options = {"objective": "causal", "seed": 0, "precision": None, "minimum": 2}
    calm = hessian_trace(model, texts(2), **options)
    model.train()
    assert hessian_trace(model, texts(2), **options) == calm
    assert model.training and all(p.grad is None for p in model.parameters())


def test_precision_not_reached_is_said() -> None:
    result = hessian_trace(gpt2(), texts(4), objective="causal", seed=0, precision=0.001, minimum=2)
    assert "precision not reached: asked 0.1%" in result.warnings[0]
    assert any("heavy tail" in warning for warning in result.warnings)
