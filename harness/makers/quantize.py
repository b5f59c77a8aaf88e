"""Maker ``quantize``: weights rounded to a grid and stored as numbers again, so that any code can load them.

The grid is symmetric around zero: with b bits and the largest magnitude m of a row (or a matrix) its step is
``m / (2^(b-1) - 1)``, and no weight moves by more than half of it. Which matrices are rounded is what ``prune`` prunes;
biases, normalisations and activations keep their precision. A pruned start has its masks no longer: zeros of a coarse grid
would be taken for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved
from harness.checkpoints.change import load_to_change
from harness.checkpoints.layer import is_transposed
from harness.checkpoints.pruned import forget_pruning
from harness.makers.family import FamilyFolder, of_its_start
from harness.specs import Quantize
from harness.training.pruning.matrices import matrices_of

VERSION = 1


def make(
    recipe: Quantize, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, or the start has no matrices that could be rounded.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    missing = set(family.missing())
    if missing:
        start = family.parent(recipe.start, offline=offline)
        family.made_from(start)
        for bits, name in zip(recipe.bits, recipe.members(), strict=True):
            if name in missing:
                make_member(recipe, family, start, bits, name)
    return list(recipe.members())


def make_member(recipe: Quantize, family: FamilyFolder, start: Resolved, bits: int, name: str) -> None:
    """Round one member; it belongs to the run of its start."""
    model, tokenizer = load_to_change(start)
    family.require_space(sum(parameter.nbytes for parameter in model.parameters()))
    matrices = matrices_of(model, recipe.embeddings)
    turned = {f"{module}.weight" for module, part in model.named_modules() if is_transposed(part)}
    error = size = 0.0
    for key, matrix in matrices.items():
        rounded = on_grid(matrix.detach(), bits, axis=None if recipe.per == "tensor" else 0 if key in turned else 1)
        error += float(((rounded - matrix.detach()).double() ** 2).sum())
        size += float((matrix.detach().double() ** 2).sum())
        matrix.data.copy_(rounded)
    forget_pruning(model.config)
    made: dict[str, Any] = {
        "maker": "quantize", "recipe": family.recipe, "from": start.identity, "bits": bits, "per": recipe.per,
        "matrices": len(matrices), "weights": sum(matrix.numel() for matrix in matrices.values()),
        "relative_error": (error / size) ** 0.5 if size else 0.0,
    }  # fmt: skip
    family.save(name, model, tokenizer, of_its_start(start, made))


def on_grid(values: torch.Tensor, bits: int, axis: int | None) -> torch.Tensor:
    """Values rounded to multiples of a step; one grid for each slice along ``axis`` of inputs, or one for all.

    >>> on_grid(torch.tensor([[1.0, 0.4, -0.2]]), 2, axis=1)
    tensor([[1., 0., -0.]])
    """
    largest = values.abs().amax(dim=axis, keepdim=True) if axis is not None else values.abs().max()
    step = largest / (2 ** (bits - 1) - 1)
    return torch.where(step > 0, (values / step).round() * step, values)
