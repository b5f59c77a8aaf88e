"""Sizes of a model, those that are asked for, and the configuration that follows."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from harness.checkpoints.pruned import forget_pruning
from harness.errors import HarnessError
from harness.makers.enlargement.architectures import Architecture, architecture_of
from harness.specs import Enlarge

SAFE_ROTATIONS = {"default", "linear", "llama3"}
"""Kinds of rotary embedding whose frequencies depend neither on the longest context nor on a dimension's number alone."""


@dataclass(frozen=True)
class Sizes:
    """What can grow; ``rotated`` are the dimensions of a head that turn with the position, ``positions`` as configured."""

    hidden: int
    inner: int
    heads: int
    key_value_heads: int
    head: int
    rotated: int
    layers: int
    positions: int
    vocabulary: int


NAMES = {
    "hidden": "hidden_size", "inner": "intermediate_size", "heads": "num_attention_heads",
    "key_value_heads": "num_key_value_heads", "head": "head_dim", "layers": "num_hidden_layers",
    "positions": "max_position_embeddings", "vocabulary": "vocab_size",
}  # fmt: skip


def sizes_of(config: Any, architecture: Architecture) -> Sizes:
    """Sizes of a model by its configuration."""
    heads, hidden = config.num_attention_heads, config.hidden_size
    head = getattr(config, "head_dim", None) or hidden // heads
    return Sizes(
        hidden=hidden, inner=getattr(config, architecture.inner) or 4 * hidden, heads=heads,
        key_value_heads=getattr(config, "num_key_value_heads", None) or heads, head=head,
        rotated=int(head * rotated_share(config)) if architecture.rotary else 0, layers=config.num_hidden_layers,
        positions=config.max_position_embeddings, vocabulary=config.vocab_size,
    )  # fmt: skip


def rotations(config: Any) -> list[dict[str, Any]]:
    """Settings of the rotary embeddings; ModernBERT has two."""
    settings = getattr(config, "rope_parameters", None) or {}
    nested = [value for value in settings.values() if isinstance(value, dict)]
    return nested or [settings]


def rotated_share(config: Any) -> float:
    """The share of a head's dimensions that is rotated."""
    return min(float(settings.get("partial_rotary_factor", 1.0)) for settings in rotations(config))


def asked(old: Sizes, recipe: Enlarge, config: Any, architecture: Architecture) -> Sizes:
    """The sizes of the larger model.

    Raises:
        HarnessError: something would shrink, or heads do not fit.
    """
    given = {field: getattr(recipe, name) for field, name in NAMES.items()}
    for field, size in given.items():
        if size is not None and size < getattr(old, field):
            raise HarnessError(f"{NAMES[field]} {size} is below the start's {getattr(old, field)}; enlarge only adds")
    hidden, heads, head = heads_of(old, given, free=free_heads(config))
    grouped = old.heads != old.key_value_heads or hasattr(config, "num_key_value_heads")
    if given["key_value_heads"] and not grouped:
        raise HarnessError(f"{config.model_type} has no num_key_value_heads; leave it out")
    new = Sizes(
        hidden=hidden, inner=given["inner"] or old.inner, heads=heads, head=head,
        key_value_heads=given["key_value_heads"] or heads * old.key_value_heads // old.heads,
        rotated=int(head * old.rotated / old.head), layers=given["layers"] or old.layers,
        positions=given["positions"] or old.positions, vocabulary=given["vocabulary"] or old.vocabulary,
    )  # fmt: skip
    refuse_heads(old, new, config, architecture)
    return new


def free_heads(config: Any) -> bool:
    """Whether heads times their size may differ from the hidden size."""
    return hasattr(config, "head_dim") or config.model_type == "qwen2"


def heads_of(old: Sizes, given: dict[str, int | None], *, free: bool) -> tuple[int, int, int]:
    """Hidden size, heads, and size of a head; the size of a head is kept where nothing is said.

    Raises:
        HarnessError: the three do not fit.
    """
    hidden = given["hidden"] or old.hidden
    if free:
        return hidden, given["heads"] or old.heads, given["head"] or old.head
    head = given["head"] or (hidden // given["heads"] if given["heads"] else old.head)
    heads = given["heads"] or hidden // head
    if heads * head != hidden:
        raise HarnessError(
            f"{heads} heads of {head} do not fill a hidden size of {hidden}, as this architecture needs; "
            f"the start has {old.heads} of {old.head}"
        )
    return hidden, heads, head


def refuse_heads(old: Sizes, new: Sizes, config: Any, architecture: Architecture) -> None:
    """Raise where heads, or positions, cannot grow so."""
    if new.heads % new.key_value_heads:
        raise HarnessError(
            f"{new.heads} heads cannot share {new.key_value_heads} keys; num_attention_heads must be a multiple of num_key_value_heads"
        )
    copies = key_copies(old, new)
    if old.key_value_heads * copies > new.key_value_heads:
        raise HarnessError(
            f"{new.heads} heads in {new.key_value_heads} groups are too few a group for the start's {old.heads} in "
            f"{old.key_value_heads}: each would need {copies} copies of its key; give num_key_value_heads >= {old.key_value_heads * copies}"
        )
    if new.head < old.head:
        raise HarnessError(f"heads of {new.head} dimensions cannot hold the start's of {old.head}; give fewer heads")
    if new.head != old.head and architecture.fixed_head:
        raise HarnessError(
            f"{config.model_type} normalises queries and keys by head; keep head_dim {old.head}, add heads"
        )
    if new.head % old.head and architecture.rotary:
        raise HarnessError(
            f"rotary frequencies depend on the size of a head: {old.head} can become a multiple of it, not {new.head}; "
            "keep it and add heads"
        )
    refuse_rotation(old, new, config)


def refuse_rotation(old: Sizes, new: Sizes, config: Any) -> None:
    """Raise where the kind of rotary embedding would change the angles of old positions."""
    kinds = {str(settings.get("rope_type", "default")) for settings in rotations(config)} - SAFE_ROTATIONS
    if old.rotated and kinds and (new.head, new.positions) != (old.head, old.positions):
        raise HarnessError(
            f"rotary embeddings of type {', '.join(sorted(kinds))} change with the size of a head and the longest context; "
            f"keep head_dim {old.head} and max_position_embeddings {old.positions}"
        )


def key_copies(old: Sizes, new: Sizes) -> int:
    """Copies of each key and value head: more than one where groups have fewer heads than before."""
    return -(-(old.heads // old.key_value_heads) // (new.heads // new.key_value_heads))


def larger(config: Any, recipe: Enlarge) -> Any:
    """The configuration of the larger model but for its epsilon.

    Raises:
        HarnessError: the architecture is not known, or the sizes do not fit.
    """
    architecture = architecture_of(config)
    old = sizes_of(config, architecture)
    return larger_config(config, old, asked(old, recipe, config, architecture), architecture, 1.0)


def larger_config(config: Any, old: Sizes, new: Sizes, architecture: Architecture, epsilon: float) -> Any:
    """The configuration of the larger model; ``epsilon`` multiplies that of the normalisations."""
    found = copy.deepcopy(config)
    forget_pruning(found)  # zeros that are added would be taken for masks
    found.hidden_size, found.num_attention_heads = new.hidden, new.heads
    found.num_hidden_layers, found.max_position_embeddings = new.layers, new.positions
    found.vocab_size = new.vocabulary
    setattr(found, architecture.inner, new.inner)
    if hasattr(config, "num_key_value_heads"):
        found.num_key_value_heads = new.key_value_heads
    if free_heads(config) and (hasattr(config, "head_dim") or new.head * new.heads != new.hidden):
        found.head_dim = new.head
    if architecture.epsilon is not None:
        setattr(found, architecture.epsilon, getattr(config, architecture.epsilon) * epsilon)
    if getattr(config, "layer_types", None):
        found.layer_types = [*config.layer_types, *["full_attention"] * (new.layers - old.layers)]
    if hasattr(config, "word_embed_proj_dim"):
        found.word_embed_proj_dim = new.hidden
    return found
