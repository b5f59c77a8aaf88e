"""What a checkpoint's config says of pruning, and which weights of a model must therefore stay zero.

The attribute ``harness_pruning`` of ``config.json``, which transformers keeps through save, load and the Hub, has

- ``regime: pruned`` and ``matrices``: the zeros of these matrices are masks, held by whoever trains the model;
- ``regime: after_downstream``: the weights are dense; fine-tuning prunes them half way (``epochs``, ``sparsity`` and how).

Names of matrices are those within the model's body, so that a language model and a classifier have the same; the table of
input embeddings, which may have several names, is called ``embeddings``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError

if TYPE_CHECKING:
    import torch

ATTRIBUTE = "harness_pruning"
EMBEDDINGS = "embeddings"
HELD, AFTER_DOWNSTREAM = "pruned", "after_downstream"


def pruning_of(config: Any, checkpoint: str) -> Mapping[str, Any] | None:
    """What a config says of pruning; None where it says nothing.

    Raises:
        HarnessError: it says something that is not known here.
    """
    found = getattr(config, ATTRIBUTE, None)
    if found is None:
        return None
    regime = found.get("regime") if isinstance(found, Mapping) else found
    if regime not in (HELD, AFTER_DOWNSTREAM):
        raise HarnessError(
            f"config.json of {checkpoint}: {ATTRIBUTE} has regime {regime!r}; expected {HELD} or {AFTER_DOWNSTREAM}; "
            "take the attribute out, or make the checkpoint anew"
        )
    return dict(found)


def forget_pruning(config: Any) -> None:
    """Take out what a config says of pruning: the weights beside it are others now."""
    if hasattr(config, ATTRIBUTE):
        delattr(config, ATTRIBUTE)


def zeros_held(model: Any) -> dict[str, torch.Tensor]:
    """The weights that must stay zero, by name of parameter: bool, true where; empty for most models.

    Raises:
        HarnessError: the config names matrices and the model has none of them.
    """
    config = getattr(model, "config", None)
    pruning = pruning_of(config, getattr(config, "_name_or_path", None) or "the model") if config is not None else None
    if pruning is None or pruning["regime"] != HELD:
        return {}
    found = matched(model, pruning["matrices"])
    return {name: parameter.detach() == 0 for name, parameter in found.items()}


def matched(model: Any, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Parameters of a model, by its own names, from names within a body; a model may lack a part of the body.

    Raises:
        HarnessError: it has none of them.
    """
    parameters, wanted = dict(model.named_parameters()), set(names)
    table = model.get_input_embeddings().weight if EMBEDDINGS in wanted else None
    found = {
        name: parameter for name, parameter in parameters.items()
        if parameter is table or wanted.intersection(endings(name))
    }  # fmt: skip
    if wanted and not found:
        raise HarnessError(
            f"{ATTRIBUTE} in config.json names {len(wanted)} pruned matrices ({min(wanted)} ...), of which "
            f"{type(model).__name__} has none; its first are {', '.join(list(parameters)[:3])}"
        )
    return found


def endings(name: str) -> list[str]:
    """A name, and what is left of it without its first parts.

    >>> endings("bert.pooler.weight")
    ['bert.pooler.weight', 'pooler.weight', 'weight']
    """
    parts = name.split(".")
    return [".".join(parts[first:]) for first in range(len(parts))]
