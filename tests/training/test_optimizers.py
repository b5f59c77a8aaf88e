from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.training.loop import Loop, Recipe
from harness.training.optimizers import uphill

CURVATURE = torch.tensor([3.0, 1.0, 0.5])


class Weights(nn.Module):
    """A row of weights, a matrix so that it is decayed."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[1.0, -2.0, 0.5]]))


def quadratic(model, batch):
    """Half of w'Aw."""
    return 0.5 * (CURVATURE * model.w**2).sum()


def trained(count: int, **changes) -> np.ndarray:
    recipe = Recipe(**({"steps": 9, "learning_rate": 0.1, "schedule": "constant", "clip": 1e9} | changes))
    loop = Loop(Weights(), recipe, quadratic)
    for _ in range(count):
        loop.step({"x": torch.zeros(1)})
    return loop.model.w.detach().numpy()[0]


def test_gradient_descent_shrinks_each_direction_by_its_curvature():
    expected = (1 - 0.1 * (CURVATURE + 0.2)) ** 5 * Weights().w[0]
    np.testing.assert_allclose(trained(5, optimizer="sgd", weight_decay=0.2), expected.detach(), rtol=1e-5)


def test_momentum_is_the_recursion_of_the_heavy_ball():
    w, v = Weights().w[0].detach(), torch.zeros(3)
    for _ in range(6):
        v = 0.9 * v + CURVATURE * w
        w = w - 0.1 * v
    np.testing.assert_allclose(trained(6, optimizer="sgd", momentum=0.9, weight_decay=0.0), w, rtol=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_torch_s_with_the_betas_given_and_its_own_way_of_decay(name):
    model = Weights()
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    optimizer = kind(model.parameters(), lr=0.1, betas=(0.8, 0.95), weight_decay=0.3)
    for _ in range(6):
        optimizer.zero_grad()
        quadratic(model, {}).backward()
        optimizer.step()
    found = trained(6, optimizer=name, betas=(0.8, 0.95), weight_decay=0.3)
    np.testing.assert_allclose(found, model.w.detach()[0], rtol=1e-5)
    other = "adam" if name == "adamw" else "adamw"
    assert not np.allclose(found, trained(6, optimizer=other, betas=(0.8, 0.95), weight_decay=0.3), rtol=1e-3)


def test_sharpness_aware_steps_along_the_gradient_of_the_worst_point_nearby():
    w = Weights().w[0].detach()
    for _ in range(4):
        g = CURVATURE * w
        w = w - 0.1 * CURVATURE * (w + 0.3 * g / g.norm())
    np.testing.assert_allclose(trained(4, optimizer="sgd", sam=0.3, weight_decay=0.0), w, rtol=1e-5)


def test_the_step_aside_leaves_the_weights_as_they_were_to_the_bit():
    model = nn.Linear(3, 2)
    model(torch.ones(1, 3)).square().sum().backward()
    before = [p.clone() for p in model.parameters()]
    gradients = [p.grad.clone() for p in model.parameters()]
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    with uphill(model.parameters(), 0.7):
        for p, kept, g in zip(model.parameters(), before, gradients, strict=True):
            torch.testing.assert_close(p - kept, 0.7 * g / norm)
            assert p.grad is None
    assert all(torch.equal(p, kept) for p, kept in zip(model.parameters(), before, strict=True))


def test_both_passes_of_a_sharpness_aware_step_drop_the_same():
    seen = []

    def loss(model, batch):
        seen.append(torch.nn.functional.dropout(batch["x"], 0.5))
        return quadratic(model, batch) + seen[-1].sum()

    loop = Loop(Weights(), Recipe(steps=2, learning_rate=0.1, sam=0.1), loss)
    for _ in range(2):
        loop.step({"x": torch.ones(64)})
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[2], seen[3]) and not torch.equal(seen[0], seen[2])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weights_that_are_held_do_not_step_aside(optimizer):
    seen = []

    def loss(model, batch):
        seen.append(model.w.detach().clone()[0])
        return 0.5 * (CURVATURE * (model.w - 1) ** 2).sum()

    loop = Loop(Weights(), Recipe(steps=1, learning_rate=0.1, sam=0.3, optimizer=optimizer, schedule="constant"), loss)
    loop.hold({"w": torch.tensor([[False, True, False]])})
    loop.step({"x": torch.zeros(1)})
    before, aside = seen
    free = CURVATURE * (before - 1) * torch.tensor([1.0, 0.0, 1.0])
    torch.testing.assert_close(aside - before, 0.3 * free / free.norm())
    assert aside[1] == 0 and loop.model.w[0, 1] == 0
