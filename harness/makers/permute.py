"""Maker ``permute``: a checkpoint whose layers stand in another order.

What belongs to a place and not to a layer stays: T5's table of relative positions is in its first layer and read by all. A layer that
lacks weights which others have, as ModernBERT's first lacks a normalisation, cannot move; random orders leave it where it is. The kind of a
layer that the config tells (``layer_types``: local or global attention) moves with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.checkpoints.layer import Layer, Matrix, Vector
from harness.checkpoints.layers import Transformer, transformer_of
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.makers.surgery import layers_in, make_changed
from harness.specs import Permute

VERSION = 1
OF_THE_PLACE = {"layer_idx", "layer_id", "layer_number", "has_relative_attention_bias", "training"}
"""Settings of modules that belong to the place of a layer."""


def make(
    recipe: Permute, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, or the start's layers cannot be moved so.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    return make_changed(recipe, family, recipe.start, partial(change, recipe), offline)


def change(recipe: Permute, model: Any, transformer: Transformer, member: str) -> Mapping[str, Any]:
    """Move the layers of a member, in place; returns the order, empty where it is the one that stood.

    Raises:
        HarnessError: the model's layers cannot be moved so.
    """
    transformer.refuse_shared("they have no order")
    layers = layers_in(transformer, recipe.stack)
    fixed = [n for n, layer in enumerate(layers) if frame(layer) != usual_frame(layers, layer.stack)]
    order = order_of(recipe, member, layers, fixed)
    permute(model, layers, order)
    moved = order != list(range(len(layers)))
    return {"order": order if moved else [], "fixed": fixed if moved else []}


def order_of(recipe: Permute, member: str, layers: Sequence[Layer], fixed: Sequence[int]) -> list[int]:
    """For every place the layer that will stand there.

    Raises:
        HarnessError: an order given does not fit the model, or there is no other one.
    """
    count, settings = len(layers), recipe.settings(member)
    if recipe.permutations is not None:
        order = [int(number) for number in str(settings["order"]).split("+")]
        check_order(order, layers, fixed)
        return order
    first, last = 0, count - 1
    if "start" in settings:
        first, last = settings["start"], settings["start"] + recipe.width - 1
        if last >= count:
            raise HarnessError(
                f"the window from layer {first} ends with layer {last}: the model has {count} layers, 0 to {count - 1}"
            )
    groups = [
        [n for n in range(first, last + 1) if layers[n].stack == stack and n not in fixed]
        for stack in dict.fromkeys(layer.stack for layer in layers)
    ]
    if all(len(group) < 2 for group in groups):
        raise HarnessError(f"layers {first} to {last} have no other order: fewer than two of them can be moved")
    random, order = np.random.default_rng(settings["seed"]), list(range(count))
    while order == list(range(count)):
        for group in groups:
            for place, layer in zip(group, random.permutation(group), strict=True):
                order[place] = int(layer)
    return order


def check_order(order: Sequence[int], layers: Sequence[Layer], fixed: Sequence[int]) -> None:
    """Refuse an order that is not one of these layers.

    Raises:
        HarnessError: another number of layers, a layer that would change stack, or one that cannot move.
    """
    if len(order) != len(layers):
        raise HarnessError(f"the order {list(order)} is of {len(order)} layers; the model has {len(layers)}")
    for place, number in enumerate(order):
        if layers[place].stack != layers[number].stack:
            raise HarnessError(
                f"the order {list(order)} puts layer {number}, of the {layers[number].stack}, at place {place}, in the "
                f"{layers[place].stack}; a layer keeps its stack"
            )
        if place != number and number in fixed:
            raise HarnessError(
                f"layer {number} cannot be moved: its weights are not those that the others have; leave it at place {number}"
            )


def moved_with(layer: Layer) -> list[Matrix | Vector]:
    """What a layer takes with it when it moves."""
    return [*layer.matrices, *layer.norms, *layer.biases]


def frame(layer: Layer) -> frozenset[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what a layer takes with it when it moves."""
    return frozenset((v.name.removeprefix(f"{layer.name}."), tuple(v.parameter.shape)) for v in moved_with(layer))


def usual_frame(layers: Sequence[Layer], stack: str) -> frozenset[tuple[str, tuple[int, ...]]]:
    """The frame that most layers of a stack have."""
    return Counter(frame(layer) for layer in layers if layer.stack == stack).most_common(1)[0][0]


def permute(model: Any, layers: Sequence[Layer], order: Sequence[int]) -> None:
    """Give every place the weights of the layer that will stand there, and the config its kind.

    Raises:
        HarnessError: layers differ in something else, which would not move with them.
    """
    refuse_scaling_by_place(model.config, order)
    kinds = {name: value for name, value in lists_of_layers(model.config, layers).items() if value}
    before = [settings_of(layer) for layer in layers]
    weights = [
        {v.name.removeprefix(f"{layer.name}."): v.parameter.detach().clone() for v in moved_with(layer)}
        for layer in layers
    ]
    for place, number in enumerate(order):
        holder = dict(layers[place].module.named_parameters())
        for name, value in weights[number].items():
            holder[name].data.copy_(value)
    for name, value in kinds.items():
        setattr(model.config, name, [value[number] for number in order])
    check_settings(model, layers, [before[number] for number in order])


def refuse_scaling_by_place(config: Any, order: Sequence[int]) -> None:
    """Refuse GPT-2's variant that divides attention by the number of the layer."""
    if getattr(config, "scale_attn_by_inverse_layer_idx", False) and list(order) != sorted(order):
        raise HarnessError(
            "attention of this model is divided by the number of its layer (scale_attn_by_inverse_layer_idx), which would not "
            "move with it; expected a model whose layers do not depend on their place"
        )


def lists_of_layers(config: Any, layers: Sequence[Layer]) -> dict[str, list[Any]]:
    """What a config says of each layer: lists as long as there are layers."""
    return {
        name: list(value)
        for name, value in config.to_dict().items()
        if "layer" in name
        and isinstance(value, list | tuple)
        and len(value) == len(layers)
        and len({x.stack for x in layers}) == 1
    }


def check_settings(model: Any, layers: Sequence[Layer], expected: Sequence[Mapping[str, Any]]) -> None:
    """Refuse where a model built from the changed config has layers with other settings than those that moved there.

    Raises:
        HarnessError: naming the setting.
    """
    config = type(model.config).from_dict(model.config.to_dict())
    config._attn_implementation = model.config._attn_implementation
    with torch.device("meta"):
        built = transformer_of(type(model)(config))
    names = {layer.name: layer for layer in built.layers}
    for layer, settings in zip(layers, expected, strict=True):
        found = settings_of(names[layer.name])
        for name in settings.keys() | found.keys():
            if settings.get(name) != found.get(name):
                raise HarnessError(
                    f"{layer.name}: {name} of the layer that moves here is {settings.get(name)!r}, and {found.get(name)!r} of "
                    "this place whatever stands here; expected layers that do not depend on their place"
                )


def settings_of(layer: Layer) -> dict[str, Any]:
    """Plain settings of a layer and its parts, apart from those of its place."""
    stays = {other.name.removeprefix(f"{layer.name}.").rpartition(".")[0] for other in layer.others}
    return {
        f"{name}.{setting}".lstrip("."): value
        for name, part in layer.module.named_modules() if name not in stays
        for setting, value in vars(part).items()
        if not setting.startswith("_") and setting not in OF_THE_PLACE
        and (value is None or isinstance(value, bool | int | float | str))
    }  # fmt: skip
