"""The rise under noise against closed forms, the Hessian, and plain Monte Carlo."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_models import bart, bert, gpt2, hessian_by_differences, llama, t5, texts
from torch import nn

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness import noise_sharpness
from harness.measures.flatness.layout import ParameterLayout, as_rows
from harness.measures.flatness.perturbation import perturbable
from harness.measures.flatness.sharpness import Noise

MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]
ALL = {"precision": None, "minimum": 2}


class Binary(nn.Module):
    """Two classes, their logits 0 and w: the rise under noise of w is an integral over one number."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.5], dtype=torch.float64))

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        logits = torch.stack([torch.zeros_like(self.w), self.w], dim=1)
        return SimpleNamespace(logits=logits.expand(*input_ids.shape, 2))


@pytest.mark.slow
def test_one_weight_has_its_integral() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    sequences = [ScoredSequence(ids, ids, n, n) for n in range(4000) for ids in [torch.tensor([1])]]
    found = noise_sharpness(Binary(), sequences, objective="masked", seed=0, noise=(0.3, 1.0), **ALL)
    for size, rise in found.rises.items():
        moved = 1.5 * (1 + size * nodes)
        exact = float((weights * np.log1p(np.exp(-moved))).sum() / weights.sum() - np.log1p(np.exp(-1.5)))
        assert abs(rise.value - exact) < 4 * rise.stderr
        assert rise.stderr < 0.05 * exact
    assert found.nats_per_token == pytest.approx(np.log1p(np.exp(-1.5)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "objective"), [MODELS[0], *(pytest.param(*model, marks=pytest.mark.slow) for model in MODELS[1:])]
)
def test_small_noise_costs_what_the_hessian_says(make, objective) -> None:
    """A pair of opposite moves rises by rho^2 e'T H T e / 2, direction by direction."""
    model, sequence = make(), texts(1, length=4, objective=objective)[0]
    matrix = hessian_by_differences(model, sequence, objective)
    layout = ParameterLayout.of(model)
    roots = [
        as_rows(p.detach(), t).square().mean(1).sqrt() for p, t in zip(layout.tensors, layout.transposed, strict=True)
    ]
    with perturbable(layout.tensors) as shift:
        scales = [torch.ones_like(p) for p in layout.tensors]
        for scale, root, transposed in zip(scales, roots, layout.transposed, strict=True):
            as_rows(scale, transposed).mul_(root[:, None])
        noise = Noise(model, shift, scales, objective, 7, (1e-3,))
        group = SequenceGroup.of(sequence)
        direction = torch.cat([d.reshape(-1) for d in noise.direction(group)])
        drawn = noise.draw(group)
    assert drawn.trace[0] == pytest.approx(float(direction @ matrix @ direction) * 1e-6 / 2, rel=1e-3, abs=1e-10)


def test_a_rescaling_that_keeps_the_function_keeps_the_rise() -> None:
    model = gpt2()
    before = noise_sharpness(model, texts(6), objective="causal", seed=0, **ALL)
    block = model.transformer.h[0]
    with torch.no_grad():
        for norm, following in ((block.ln_1, block.attn.c_attn), (block.ln_2, block.mlp.c_fc)):
            norm.weight *= 4
            norm.bias *= 4
            following.weight /= 4
    after = noise_sharpness(model, texts(6), objective="causal", seed=0, **ALL)
    for size, rise in before.rises.items():
        assert after.rises[size].value == pytest.approx(rise.value, rel=1e-10)


@pytest.mark.parametrize("make", [gpt2, lambda: gpt2(tied=False)])
def test_the_model_is_left_as_it_was_even_by_an_error(make, monkeypatch) -> None:
    model = make()
    model.transformer.wpe.weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    noise_sharpness(model.train(), texts(3), objective="causal", seed=0, **ALL)
    assert model.training and all(p.grad is None for p in model.parameters())
    monkeypatch.setattr(Noise, "direction", lambda self, group: (self.shift.move(self.shift.base, 1.0), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        noise_sharpness(model, texts(3), objective="causal", seed=0, **ALL)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_order_changes_nothing_and_the_seed_something() -> None:
    model, options = gpt2(), {"objective": "causal", **ALL}
    forth, back = (noise_sharpness(model, found, seed=1, **options) for found in (texts(5), texts(5)[::-1]))
    assert forth.terms.trace == pytest.approx(back.terms.trace[::-1], rel=1e-12)
    assert noise_sharpness(model, texts(5), seed=2, **options).rises[0.1].value != forth.rises[0.1].value


def test_the_noise_that_costs_so_much_lies_between_two_that_were_measured() -> None:
    sequences = [ScoredSequence(ids, ids, n, n) for n in range(400) for ids in [torch.tensor([1])]]
    found = noise_sharpness(Binary(), sequences, objective="masked", seed=0, noise=(0.2, 0.4, 0.8), **ALL)
    nats = (found.rises[0.4].value * found.rises[0.8].value) ** 0.5
    between = found.distance_that_costs(nats)
    assert between is not None and between.value == pytest.approx(0.4 * 2**0.5)
    assert between.low < between.value < between.high
    assert found.distance_that_costs(1e9) is None


def test_bad_input_is_one_clear_message() -> None:
    for noise in ((), (0.1, -0.1), (float("inf"),)):
        with pytest.raises(HarnessError, match="noise is .*; give one or more numbers above 0"):
            noise_sharpness(gpt2(), texts(3), objective="causal", seed=0, noise=noise, **ALL)
    with pytest.raises(HarnessError, match="bfloat16: small noise is lost"):
        noise_sharpness(gpt2(torch.bfloat16), texts(3), objective="causal", seed=0, **ALL)


def test_a_loss_that_leaves_the_numbers_is_no_flat_one() -> None:
    """Noise that makes the logits overflow: the message names the distance."""
    with pytest.raises(HarnessError, match="at noise 1e\\+30 is .*; leave out distances that large"):
        noise_sharpness(gpt2(torch.float32), texts(3), objective="causal", seed=0, noise=(1e30,), **ALL)
