"""What makers share that change the weights of a checkpoint and train nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved, load_tokenizer
from harness.checkpoints.config import load_config
from harness.checkpoints.head import fill_head
from harness.checkpoints.layers import Layer, Transformer, transformer_of
from harness.checkpoints.load import AUTO, load_weights
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder, of_its_start
from harness.specs import Maker

Change = Callable[[Any, Transformer, str], Mapping[str, Any]]


def make_changed(recipe: Maker, family: FamilyFolder, start: str, change: Change, offline: bool) -> list[str]:
    """Make the missing members of a family, each from the start anew; returns the names of all members, in order.

    Args:
        recipe: how they are made.
        family: where they are kept.
        start: the checkpoint that is changed.
        change: changes a model in place for a member; what it returns is recorded with the member.
        offline: take checkpoints from the cache alone.

    Raises:
        HarnessError: the start cannot be had, has no layers that are known, or cannot be changed so.
    """
    missing = family.missing()
    if not missing:
        return list(family.names)
    found = family.parent(start, offline=offline)
    family.made_from(found)
    for member in missing:
        model, tokenizer = load_as_saved(found)
        family.require_space(sum(parameter.nbytes for parameter in model.parameters()))
        did = change(model, transformer_of(model), member)
        family.note(member, **did)
        family.save(member, model, tokenizer, about(recipe, family, found, member, did))
    return list(family.names)


def about(
    recipe: Maker, family: FamilyFolder, start: Resolved, member: str, did: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """What a member says of itself; one in which nothing was changed is its start, and of the start's run."""
    found = of_its_start(start, {"maker": recipe.maker, "recipe": family.recipe, "from": start.identity, **did})
    if not any(did.values()):
        return found
    seed = recipe.settings(member).get("seed")
    return found | {"run": f"{family.recipe[:16]}/{member}", "step": None, "training_seed": seed}


def load_as_saved(start: Resolved) -> tuple[Any, Any]:
    """A checkpoint as the class that its config names, with whatever head it has, on the CPU in its own dtype.

    Raises:
        HarnessError: weights are missing or damaged, or no class of transformers fits.
    """
    import transformers

    whole = start.whole
    config = load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code)
    named = getattr(transformers, (config.architectures or [""])[0], None)
    chosen = named or AUTO.get(start.objective, transformers.AutoModel)
    dtype = config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32
    model, loading = load_weights(chosen, start, dtype, "sdpa", config=copy.deepcopy(config))
    missing = sorted(loading["missing_keys"])
    pooler = [name for name in missing if "pooler" in name.split(".")]
    if len(missing) > len(pooler):
        raise HarnessError(
            f"checkpoint {start.name} lacks {len(missing)} weights of its {type(model).__name__} ({', '.join(missing[:3])}); "
            "expected all; save it anew with save_pretrained"
        )
    fill_head(model, pooler, seed=0)
    return model, load_tokenizer(start.folder, start.name, remote_code=start.remote_code)


def layers_in(transformer: Transformer, stack: str) -> tuple[Layer, ...]:
    """The layers that a recipe numbers: all, or those of one stack.

    Raises:
        HarnessError: the model has no such stack.
    """
    return transformer.layers if stack == "all" else transformer.stack(stack)
