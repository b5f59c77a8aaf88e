"""The parts of a transformer: its layers in order, and what stands around them.

Layers are found by what they are: the longest list of modules of one class, each with an attention of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from harness.checkpoints.layer import ATTENTION, Layer, Vector, layer_of, matrices_in
from harness.errors import HarnessError


@dataclass(frozen=True, slots=True, eq=False)
class Transformer:
    """The parts of a model.

    Attributes:
        model: what they are parts of.
        layers: the encoder's, then the decoder's.
        lists: the module lists that hold them: stack -> list.
        shared: whether one layer's weights are used several times, as in ALBERT.
        depth: times that a token passes a layer; more than there are layers where these are shared.
        embeddings: tables of tokens, positions and segments outside the layers that are learned.
        pooler: what makes one vector of a text, as in BERT.
        head: all outside the body: of a language model or a classifier. A matrix that is tied to the embeddings is theirs.
        outside: all else outside the layers, such as the last normalisation.
    """

    model: nn.Module
    layers: tuple[Layer, ...]
    lists: dict[str, nn.ModuleList]
    shared: bool
    depth: int
    embeddings: tuple[Vector, ...]
    pooler: tuple[Vector, ...]
    head: tuple[Vector, ...]
    outside: tuple[Vector, ...]

    def stack(self, name: str) -> tuple[Layer, ...]:
        """Layers of one stack.

        Raises:
            HarnessError: the model has no stack of the name.
        """
        found = tuple(layer for layer in self.layers if layer.stack == name)
        if not found:
            raise HarnessError(f"the model has no layers in {name!r}; it has {', '.join(map(repr, self.lists))}")
        return found

    def chosen(self, numbers: Sequence[int]) -> tuple[Layer, ...]:
        """Layers by number, those of an encoder counted first.

        Raises:
            HarnessError: the model has no such layer.
        """
        missing = [number for number in numbers if not 0 <= number < len(self.layers)]
        if missing:
            raise HarnessError(
                f"there is no layer {', '.join(map(str, missing))}: {type(self.model).__name__} has {len(self.layers)} "
                f"layers, 0 to {len(self.layers) - 1}"
            )
        return tuple(self.layers[number] for number in numbers)

    def refuse_shared(self, what: str) -> None:
        """Refuse what needs layers of their own.

        Raises:
            HarnessError: the model uses one layer several times.
        """
        if self.shared:
            raise HarnessError(
                f"{type(self.model).__name__} uses the weights of {len(self.layers)} layer(s) for all {self.depth} passes, so "
                f"{what}; expected a model whose layers have weights of their own"
            )


def transformer_of(model: nn.Module) -> Transformer:
    """Find the parts of a transformers model, with or without a head.

    Raises:
        HarnessError: no layers are found, or what their weights do is not known; it lists what was found.
    """
    lists = layer_lists(model)
    layers = tuple(
        layer_of(model, stack, number, f"{name}.{number}", module)
        for stack, (name, modules) in lists.items()
        for number, module in enumerate(modules)
    )
    depth = passes(model, len(layers))
    inside = {id(p) for layer in layers for p in layer.module.parameters()}
    return Transformer(
        model, layers, {stack: modules for stack, (_, modules) in lists.items()}, depth > len(layers), depth,
        *outside_of(model, inside),
    )  # fmt: skip


def layer_lists(model: nn.Module) -> dict[str, tuple[str, nn.ModuleList]]:
    """Stack -> name and list of its layers; one stack without a name where the model is no encoder with a decoder.

    Raises:
        HarnessError: there is none.
    """
    found: dict[str, nn.ModuleList] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, nn.ModuleList) and not inside and is_layer_list(module):
            found[name] = module
    if not found:
        raise HarnessError(no_layers(model))
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        sides = {side: [n for n in found if side in n.split(".")] for side in ("encoder", "decoder")}
        stacks = {side: longest(found, names) for side, names in sides.items() if names}
        if stacks:
            return stacks
    return {"": longest(found, list(found))}


def longest(found: dict[str, nn.ModuleList], names: list[str]) -> tuple[str, nn.ModuleList]:
    """The longest of some lists, the first of equals."""
    name = max(names, key=lambda one: len(found[one]))
    return name, found[name]


def is_layer_list(modules: nn.ModuleList) -> bool:
    """Whether a list holds layers: modules of one class, each with an attention."""
    return len({type(module) for module in modules}) == 1 and all(
        any(ATTENTION.search(name) and matrices_in(part) for name, part in module.named_modules()) for module in modules
    )


def no_layers(model: nn.Module) -> str:
    """Why the layers of a model are not found, with the lists and classes that were."""
    lists = [
        f"{name} ({len(module)} x {' and '.join(sorted({type(part).__name__ for part in module}))})"
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module)
    ]
    children = [f"{name} ({type(child).__name__})" for name, child in model.named_children()]
    return (
        f"the layers of {type(model).__name__} cannot be found: expected a module list of one class, each with an attention "
        f"of linear layers; found the lists {', '.join(lists[:8]) or 'none'}; the model's parts are {', '.join(children)}"
    )


def passes(model: nn.Module, layers: int) -> int:
    """Layers that a token passes, by the config; the number of layers found where it does not say."""
    config = getattr(model, "config", None)
    if config is None or getattr(config, "is_encoder_decoder", False):
        return layers
    return max(layers, int(getattr(config, "num_hidden_layers", None) or layers))


def outside_of(model: nn.Module, inside: set[int]) -> tuple[tuple[Vector, ...], ...]:
    """Embeddings, pooler, head and all else outside the layers."""
    body = {id(p) for p in getattr(model, "base_model", model).parameters()}
    tables = {id(p) for part in model.modules() if isinstance(part, nn.Embedding) for p in part.parameters()}
    found: dict[str, list[Vector]] = {"embeddings": [], "pooler": [], "head": [], "outside": []}
    for name, parameter in model.named_parameters():
        if id(parameter) in inside:
            continue
        if id(parameter) in tables:
            if parameter.requires_grad:
                found["embeddings"].append(Vector(name, parameter))
        elif "pooler" in name.split("."):
            found["pooler"].append(Vector(name, parameter))
        else:
            head = id(parameter) not in body or name.split(".")[0] in ("lm_head", "classifier")
            found["head" if head else "outside"].append(Vector(name, parameter))
    return tuple(tuple(group) for group in found.values())
