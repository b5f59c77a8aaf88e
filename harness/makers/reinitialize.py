"""Maker ``reinitialize``: a checkpoint of which some layers are drawn anew.

Every matrix of every member has random numbers of its own, which depend on the seed and on the names of member and matrix alone: members
share no weights but those they keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.checkpoints.layers import Layer, Transformer
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.makers.surgery import layers_in, make_changed
from harness.specs import Reinitialize

VERSION = 1
CUT = 2.0
"""Standard deviations at which the normal distribution is cut off."""


def make(
    recipe: Reinitialize, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, or the start has no such layers.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    return make_changed(recipe, family, recipe.start, partial(change, recipe), offline)


def change(recipe: Reinitialize, model: Any, transformer: Transformer, member: str) -> Mapping[str, Any]:
    """Draw the layers of a member anew, in place; returns which ones.

    Raises:
        HarnessError: the model has too few layers, or what to draw in them is not known.
    """
    transformer.refuse_shared("none of them can be drawn anew alone")
    layers = layers_in(transformer, recipe.stack)
    numbers = recipe.reinitialized(member, len(layers))
    for layer in (layers[number] for number in numbers):
        redraw(recipe, model, layer, member)
    if recipe.embeddings == "reinitialize":
        for table in transformer.embeddings:
            draw(table.parameter, recipe.standard_deviation, f"{member} {table.name}")
            padding = model.get_submodule(table.name.rpartition(".")[0]).padding_idx
            if padding is not None:
                table.parameter.data[padding] = 0
    return {"reinitialized": list(numbers), "embeddings": recipe.embeddings == "reinitialize"}


def redraw(recipe: Reinitialize, model: Any, layer: Layer, member: str) -> None:
    """Draw the matrices of a layer anew; normalisations and biases as the recipe says.

    Raises:
        HarnessError: the layer holds weights that are neither matrices nor tables of positions, such as experts.
    """
    for other in layer.others:
        if not isinstance(model.get_submodule(other.name.rpartition(".")[0]), nn.Embedding):
            raise HarnessError(
                f"{other.name} {tuple(other.parameter.shape)} is no matrix of attention or feed-forward part, no bias and no "
                f"normalisation: whether to draw it anew is not known; expected a layer of these alone"
            )
    for matrix in layer.matrices:
        draw(matrix.parameter, recipe.standard_deviation, f"{member} {matrix.name}")
    if recipe.biases == "zero":
        for bias in layer.biases:
            bias.parameter.data.zero_()
    if recipe.layer_norm == "reset":
        for name in dict.fromkeys(norm.name.rpartition(".")[0] for norm in layer.norms):
            reset(model, model.get_submodule(name))


def draw(parameter: nn.Parameter, deviation: float, name: str) -> None:
    """Fill with N(0, deviation^2) cut off at two standard deviations, from random numbers that belong to a name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1
    drawn = torch.empty(parameter.shape, dtype=torch.float32)
    bound = CUT * deviation
    nn.init.trunc_normal_(drawn, 0.0, deviation, -bound, bound, generator=torch.Generator().manual_seed(seed))
    parameter.data.copy_(drawn)


def reset(model: Any, norm: nn.Module) -> None:
    """Gain and bias of a normalisation as the architecture begins with: most with 1 and 0, Gemma's gains with 0."""
    for tensor in (norm, *norm.parameters(recurse=False)):
        tensor._is_hf_initialized = False  # type: ignore[assignment]
    with torch.no_grad():
        model._init_weights(norm)
