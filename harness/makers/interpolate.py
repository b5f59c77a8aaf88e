"""Maker ``interpolate``: checkpoints on the way between two, as mode connectivity is looked at.

Weights 0 and 1 are the two ends bit by bit. Slerp turns each tensor from one direction to the other (Shoemake 1985):
``sin((1-w) o) / sin(o) start + sin(w o) / sin(o) end`` for the angle o between the two; nearly parallel ones go straight.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved
from harness.checkpoints.change import load_to_change
from harness.checkpoints.config import load_config
from harness.checkpoints.dropout import RATE
from harness.checkpoints.identity import UNIMPORTANT
from harness.checkpoints.pruned import ATTRIBUTE, forget_pruning
from harness.errors import HarnessError
from harness.makers.family import FamilyFolder
from harness.specs import Interpolate

VERSION = 1
PARALLEL = 1e-4
"""Angles below it, in radians, are gone along straight: the arc is the line to rounding."""
NOT_COMPARED = {*UNIMPORTANT, ATTRIBUTE, "architectures", "dtype", "torch_dtype", "use_cache", "id2label", "label2id",
                "problem_type", "initializer_range", "initializer_factor", "initializer_cutoff_factor"}  # fmt: skip


def make(
    recipe: Interpolate, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, or the two are not of one architecture and tokenizer.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    missing = set(family.missing())
    if not missing:
        return list(recipe.members())
    start, end = (family.parent(name, offline=offline) for name in recipe.parents())
    family.made_from(start, end)
    refuse_different(start, end)
    (first, tokenizer), (last, _) = load_to_change(start), load_to_change(end)
    if getattr(first.config, ATTRIBUTE, None) != getattr(last.config, ATTRIBUTE, None):
        forget_pruning(first.config)
    family.require_space(sum(parameter.nbytes for parameter in first.parameters()))
    ends = tensors(first), tensors(last)
    refuse_other_tensors(start, end, *ends)
    kept = {name: tensor.clone() for name, tensor in ends[0].items()}
    for weight, name in zip(recipe.weights, recipe.members(), strict=True):
        if name in missing:
            for key, tensor in ends[0].items():
                tensor.copy_(between(kept[key], ends[1][key], weight, recipe.method))
            family.save(name, first, tokenizer, about(recipe, family, start, end, weight))
    return list(recipe.members())


def tensors(model: Any) -> dict[str, torch.Tensor]:
    """All parameters, and what else a checkpoint keeps, once each."""
    saved = set(model.state_dict())
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in saved}
    return {name: parameter.detach() for name, parameter in model.named_parameters()} | buffers


def between(start: torch.Tensor, end: torch.Tensor, weight: float, method: str) -> torch.Tensor:
    """A tensor on the way; the ends themselves at 0 and 1.

    >>> between(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5, "linear")
    tensor([0.5000, 0.5000])
    >>> between(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5, "slerp")
    tensor([0.7071, 0.7071])
    """
    if weight in (0, 1) or not start.is_floating_point():
        return end if weight == 1 else start
    shares = (1 - weight, weight)
    if method == "slerp":
        one, other = start.double().flatten(), end.double().flatten()
        length = one.norm() * other.norm()
        angle = torch.acos((one @ other / length).clamp(-1, 1)) if length > 0 else torch.tensor(0.0)
        if PARALLEL < angle < torch.pi - PARALLEL:
            shares = tuple(float(torch.sin(share * angle) / torch.sin(angle)) for share in shares)  # type: ignore[assignment]
    return shares[0] * start + shares[1] * end


def refuse_different(start: Resolved, end: Resolved) -> None:
    """Refuse two checkpoints whose weights do not mean the same.

    Raises:
        HarnessError: naming what differs.
    """
    configs = [settings(one) for one in (start, end)]
    names = sorted(
        name for name in configs[0].keys() | configs[1].keys() if configs[0].get(name) != configs[1].get(name)
    )
    found = [f"{name} ({configs[0].get(name)} and {configs[1].get(name)})" for name in names[:6]]
    if start.objective != end.objective:
        found.insert(0, f"objective ({start.objective} and {end.objective})")
    if start.tokenizer != end.tokenizer:
        found.insert(0, "their tokenizers")
    if found:
        raise HarnessError(
            f"{start.name} and {end.name} cannot be interpolated: they differ in {', '.join(found)}; expected one "
            "architecture and tokenizer"
        )


def settings(checkpoint: Resolved) -> Mapping[str, Any]:
    """What of a config decides the function that weights compute."""
    whole = checkpoint.whole
    config = load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code).to_dict()
    return {name: value for name, value in config.items() if name not in NOT_COMPARED and not RATE.fullmatch(name)}


def refuse_other_tensors(
    start: Resolved, end: Resolved, first: Mapping[str, torch.Tensor], last: Mapping[str, torch.Tensor]
) -> None:  # fmt: skip
    """Refuse two models of which one has what the other lacks, such as a pooler.

    Raises:
        HarnessError: naming some of it.
    """
    alone = sorted(first.keys() ^ last.keys())
    if alone:
        raise HarnessError(
            f"{start.name} and {end.name} cannot be interpolated: only one of them has {', '.join(alone[:3])}; expected "
            "the same parameters in both"
        )


def about(
    recipe: Interpolate, family: FamilyFolder, start: Resolved, end: Resolved, weight: float
) -> dict[str, Any]:  # fmt: skip
    """What a member says of itself; what the ends have in common is its own too."""
    one, other = start.info, end.info
    return {
        "run": one.run if one.run == other.run else f"{one.run} + {other.run}",
        "training_seed": one.training_seed if one.training_seed == other.training_seed else None,
        "corpus": one.corpus if one.corpus == other.corpus else f"{one.corpus} + {other.corpus}",
        "objective": start.objective, "parent": recipe.start,
        "made": {
            "maker": "interpolate", "recipe": family.recipe, "from": [start.identity, end.identity],
            "end": recipe.end, "weight": weight, "method": recipe.method,
        },
    }  # fmt: skip
