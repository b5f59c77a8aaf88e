"""Maker ``rescale``: the same function with weights of other sizes.

A raw trace of the Hessian or the Fisher matrix changes under it, what the model says does not (Dinh et al. 2017,
arXiv 1703.04933): a measure that orders such members tells of the parameters, not of the function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.checkpoints import load_language_model
from harness.checkpoints.change import load_to_change
from harness.checkpoints.layer import Layer, Matrix
from harness.checkpoints.layers import transformer_of
from harness.makers.enlarge import checked_difference
from harness.makers.family import FamilyFolder, of_its_start
from harness.specs.makers import Rescale

VERSION = 2


def make(
    recipe: Rescale, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the start has no language-model head, no layers that are known, or a member says something else.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    if family.missing():
        start = family.parent(recipe.start, offline=offline)
        family.made_from(start)
        for factor, member in zip(recipe.factors, recipe.members(), strict=True):
            if not family.complete(member):
                make_member(family, member, start, factor, device)
    return list(family.names)


def make_member(family: FamilyFolder, member: str, start: Any, factor: float, device: str) -> None:
    """Rescale, compare what is said before and after, and keep."""
    before, tokenizer = load_language_model(start, device, "float32")
    model, _ = load_to_change(start, device)
    rescale(model, factor)
    moved = checked_difference(f"{start.name} times {factor:g}", before, model, start.context)
    made = {
        "maker": "rescale",
        "recipe": family.recipe,
        "from": start.identity,
        "factor": factor,
        "logits_moved": moved,
    }
    family.save(member, model.cpu(), tokenizer, of_its_start(start, made))


def rescale(model: Any, factor: float) -> None:
    """Multiply the values of every attention and divide what reads them, in place.

    Raises:
        HarnessError: the layers are not known.
    """
    with torch.no_grad():
        for layer in transformer_of(model).layers:
            for matrix in (*layer.attention, *layer.cross_attention):
                if matrix.role == "output":
                    matrix.parameter.div_(factor)
                elif (units := values_of(layer, matrix)) is not None:
                    rows = matrix.parameter.T if matrix.transposed else matrix.parameter
                    rows[units] *= factor
                    if matrix.bias is not None:
                        matrix.bias[units] *= factor


def values_of(layer: Layer, matrix: Matrix) -> torch.Tensor | None:
    """Which outputs of a matrix are values; None where it has none."""
    if matrix.role == "value":
        return torch.arange(matrix.outputs)
    if matrix.role == "packed":
        return torch.from_numpy(np.flatnonzero(layer.packed[matrix.name] == 2))
    return None
