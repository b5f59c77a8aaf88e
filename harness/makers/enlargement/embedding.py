"""A model's weights put into a larger model of the same architecture that computes the same function.

- Heads, and what is inside the feed-forward part: new ones have zeros everywhere, so they add nothing and their gradient is zero.
  A head of more dimensions is padded with zeros, its queries multiplied by sqrt(new / old) for the division by the root of
  its size (which divides their trace by new / old); where positions are rotations the old dimensions go where the same
  frequencies are. A key that several heads share is copied where fewer heads shall share one.
- Layers: new ones come last and have zeros everywhere but for gains of one; they add nothing to the residual stream. Biases of what
  they write have a gradient of their own: Tr(G) of the old weights is kept, that of all may grow. Where each layer
  ends with a normalisation (BERT) another one of what is normalised is not the identity (gain, bias, epsilon): refused.
- Vocabulary: a new token must have no probability. A bias of the output layer of -1e4 gives it none, also in float32; a head
  without bias would give it a logit of zero: refused.
- Positions: new rows are zero, or repeat the old ones; the old positions are as they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch

from harness.errors import HarnessError
from harness.makers.enlargement.architectures import Architecture, architecture_of
from harness.makers.enlargement.axes import NEW, Axis, in_blocks, joined, of, padded, repeated, scaled
from harness.makers.enlargement.sizes import Sizes, asked, key_copies, larger_config, sizes_of
from harness.makers.enlargement.widths import epsilon_factor, hidden_axes, is_centred, refuse_width
from harness.specs import Enlarge

NO_PROBABILITY = -1e4
LAYER = re.compile(r"\.(\d+)\.")


def enlarged(model: Any, recipe: Enlarge) -> Any:
    """A larger model, of the dtype of the given one and in eval mode, that computes the same.

    Raises:
        HarnessError: the architecture is not known, or what is asked for cannot be exact.
    """
    config, architecture = model.config, architecture_of(model.config)
    old = sizes_of(config, architecture)
    new = asked(old, recipe, config, architecture)
    weights = dict(model.named_parameters())
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    epsilon = None if architecture.epsilon is None else getattr(config, architecture.epsilon)
    refuse_width(old, new, recipe.width, architecture, tied=tied, epsilon=epsilon)
    rules = {name: rule_of(name, architecture, config.model_type) for name in weights}
    refuse_growth(old, new, architecture, rules)
    axes = axes_of(old, new, recipe, architecture)
    larger = new_model(
        model, larger_config(config, old, new, architecture, epsilon_factor(old, new, recipe.width))
    )  # fmt: skip
    centred = is_centred(old, new, recipe.width, architecture)
    with torch.no_grad():
        for name, target in larger.named_parameters():
            rule = rule_of(name, architecture, config.model_type)
            if layer_of(name) >= old.layers:
                target.fill_(1.0 if rule[0].endswith("norm") else 0.0)
            else:
                target.copy_(longer(weights[name], rule, axes, centred=centred))
    return larger.eval()


def new_model(model: Any, config: Any) -> Any:
    """A model of the same class and dtype with a larger configuration; the global random state stays as it was."""
    config._attn_implementation = model.config._attn_implementation
    with torch.random.fork_rng(devices=[]):
        larger = type(model)(config).to(dtype=model.dtype)
    if getattr(model, "generation_config", None) is not None:
        larger.generation_config = model.generation_config
    return larger


def rule_of(name: str, architecture: Architecture, model_type: str) -> tuple[str, ...]:
    """The axes of a weight.

    Raises:
        HarnessError: the weight is not in the table.
    """
    found = architecture.rules.get(name) or architecture.rules.get(LAYER.sub(".*.", name, count=1))
    if found is None:
        raise HarnessError(
            f"this {model_type} has a weight {name!r} whose axes are not known here, so it cannot be enlarged exactly"
        )
    return found


def layer_of(name: str) -> int:
    """The number of a weight's layer, -1 outside of layers.

    >>> layer_of("transformer.h.11.ln_1.weight"), layer_of("transformer.wte.weight")
    (11, -1)
    """
    found = LAYER.search(name)
    return int(found.group(1)) if found else -1


def refuse_growth(
    old: Sizes, new: Sizes, architecture: Architecture, rules: Mapping[str, tuple[str, ...]]
) -> None:  # fmt: skip
    """Raise where more layers or a larger vocabulary would change the function."""
    if new.layers > old.layers and architecture.post_norm:
        raise HarnessError(
            "each layer of this architecture ends with a normalisation, and another one of what is normalised is not the "
            f"identity (gain, bias, epsilon): it cannot be made deeper exactly; leave num_hidden_layers at {old.layers}"
        )
    if new.vocabulary > old.vocabulary and not any("output bias" in rule for rule in rules.values()):
        raise HarnessError(
            "the output layer has no bias: a new token would have a logit of zero and take probability from the others; "
            f"leave vocab_size at {old.vocabulary}"
        )


def longer(
    weight: torch.Tensor, rule: tuple[str, ...], axes: Mapping[str, Axis | None], *, centred: bool
) -> torch.Tensor:  # fmt: skip
    """A weight of the larger model."""
    for dimension, word in enumerate(rule):
        if centred and word == "write":
            weight = weight - weight.mean(dimension, keepdim=True)
        axis = axes[word]
        weight = weight if axis is None else axis.applied(weight, dimension)
    return weight


def axes_of(old: Sizes, new: Sizes, recipe: Enlarge, architecture: Architecture) -> Mapping[str, Axis | None]:
    """Every axis of the table; None where it stays."""
    inner = padded(old.inner, new.inner)
    rows, more = old.positions + architecture.first_position, new.positions + architecture.first_position
    repeat = recipe.new_positions == "repeat"
    return {
        "same": None, "head norm": None, "inner": inner, "gated inner": joined([inner, inner]),
        "position": repeated(rows, more, architecture.reserved) if repeat else padded(rows, more),
        "vocabulary": padded(old.vocabulary, new.vocabulary),
        "output bias": padded(old.vocabulary, new.vocabulary, fill=NO_PROBABILITY),
        **head_axes(old, new, sqrt(epsilon_factor(old, new, recipe.width)) if architecture.fixed_head else 1.0),
        **hidden_axes(old, new, recipe.width),
    }  # fmt: skip


def head_axes(old: Sizes, new: Sizes, normalised: float) -> Mapping[str, Axis]:
    """The axes that have to do with attention heads.

    Args:
        old: sizes of the start.
        new: sizes of the larger model.
        normalised: factor of queries and keys that a normalisation takes away again: the root of that of its epsilon.
    """
    inside = of(head_dimensions(old, new), old.head)
    turned = scaled(inside, sqrt(new.head / old.head) * normalised)
    queries, keys = query_heads(old, new), key_heads(old, new)
    query, key = in_blocks(queries, turned, old.heads), in_blocks(keys, inside, old.key_value_heads)
    return {
        "query": query, "key": scaled(key, normalised), "value": key, "attended": in_blocks(queries, inside, old.heads),
        "query key value": joined([query, key, key]),
        "heads of query key value": in_blocks(queries, joined([turned, inside, inside]), old.heads),
    }  # fmt: skip


def head_dimensions(old: Sizes, new: Sizes) -> list[int]:
    """The old dimension of each new one of a head.

    The first half of the rotated dimensions turns with the second, dimension i by the frequency theta^(-2 i / rotated): in a
    head m times as large it is dimension m i.
    """
    found = [NEW] * new.head
    half, new_half = old.rotated // 2, new.rotated // 2
    for i in range(half):
        place = i * (new_half // half)
        found[place], found[place + new_half] = i, i + half
    for i in range(old.rotated, old.head):
        found[new.rotated + i - old.rotated] = i
    return found


def key_heads(old: Sizes, new: Sizes) -> list[int]:
    """The old key and value head of each new one."""
    copies = key_copies(old, new)
    kept = [head for head in range(old.key_value_heads) for _ in range(copies)]
    return kept + [NEW] * (new.key_value_heads - len(kept))


def query_heads(old: Sizes, new: Sizes) -> list[int]:
    """The old head of each new one: it must read the same key."""
    group, new_group, copies = old.heads // old.key_value_heads, new.heads // new.key_value_heads, key_copies(old, new)
    found = [NEW] * new.heads
    for head in range(old.heads):
        key, place = divmod(head, group)
        found[(key * copies + place // new_group) * new_group + place % new_group] = head
    return found
