"""The optimizer of a training loop, and the step aside of sharpness-aware minimisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from harness.training.loop import Recipe


def optimizer_of(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019), Adam or SGD as torch has them; biases and norms are not decayed."""
    groups, rate = parameter_groups(model, recipe.weight_decay), recipe.learning_rate
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum)
    chosen = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return chosen(groups, lr=rate, betas=recipe.betas, eps=1e-8, fused=True)


def parameter_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices are decayed, vectors (biases, the gains of norms) are not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]


@contextmanager
def uphill(parameters: Iterable[torch.nn.Parameter], radius: float) -> Iterator[None]:
    r"""For a while the weights stand at :math:`w + \rho\, g / \lVert g \rVert`, and the gradients are none.

    The worst point nearby, to first order (Foret et al. 2021, arXiv 2010.01412, equation 2); what is differentiated there
    is the gradient that sharpness-aware minimisation steps along. Afterwards the weights are what they were, to the bit.
    """
    moved = [(parameter, parameter.grad) for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([torch.linalg.vector_norm(gradient) for _, gradient in moved]).norm()
    before = [parameter.detach().clone() for parameter, _ in moved]
    with torch.no_grad():
        for parameter, gradient in moved:
            parameter.add_(gradient * (radius / (norm + 1e-12)))
            parameter.grad = None
    try:
        yield
    finally:
        with torch.no_grad():
            for (parameter, _), kept in zip(moved, before, strict=True):
                parameter.copy_(kept)
