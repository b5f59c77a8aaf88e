"""Maker ``enlarge``: a checkpoint in a larger architecture that computes the same function.

Raw traces of two sizes may be compared once both stand in one parameterisation. ``harness/makers/enlargement`` says how a model is
put into a larger one; here it is read, compared with what came out, and kept.
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import load_language_model
from harness.checkpoints.architecture import context_of
from harness.checkpoints.config import body_parameters, load_config
from harness.errors import HarnessError
from harness.makers.enlargement.embedding import enlarged
from harness.makers.enlargement.sizes import larger
from harness.makers.family import FamilyFolder, of_its_start, parent_of
from harness.specs import Enlarge

VERSION = 1
TOLERANCE = 1e-4
"""Largest difference of logits in float32, relative to the largest logit: rounding alone is below it."""


def make(
    recipe: Enlarge, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make the member if it is missing; returns its name.

    Raises:
        HarnessError: the start has no language-model head, cannot be enlarged so, or the larger model says something else.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    (member,) = recipe.members()
    if family.complete(member):
        return [member]
    start = family.parent(recipe.start, offline=offline)
    family.made_from(start)
    model, tokenizer = load_language_model(start, device, "float32")
    larger = enlarged(model.cpu(), recipe)
    moved = checked_difference(f"the enlarged {start.name}", model.to(device), larger.to(device), start.context)
    if recipe.max_position_embeddings is not None:
        tokenizer.model_max_length = context_of(larger.config, start.name)
    made = {"maker": "enlarge", "recipe": family.recipe, "from": start.identity, "logits_moved": moved}
    family.save(member, larger.cpu(), tokenizer, of_its_start(start, made))
    return [member]


def parameters(recipe: Enlarge, folder: Path, *, offline: bool = False) -> int:
    """Parameters of the member; no weights are read.

    Raises:
        HarnessError: the start cannot be found, or cannot be enlarged so.
    """
    whole = parent_of(folder, recipe.start, offline=offline).whole
    return body_parameters(larger(load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code), recipe))


def checked_difference(name: str, before: Any, after: Any, context: int) -> float:
    """The :func:`difference` of two models that are to say the same.

    Raises:
        HarnessError: it is above the tolerance, or no number, as of logits that are not finite.
    """
    moved = difference(before, after, context)
    if not moved <= TOLERANCE:
        raise HarnessError(
            f"{name} gives other logits: they differ by {moved:.1e} of the largest, expected at most {TOLERANCE:.0e}"
            + ("" if isfinite(moved) else "; logits are not finite, also look at those of the start")
        )
    return moved


def difference(small: Any, large: Any, context: int) -> float:
    """Largest difference of logits on random tokens, two sequences of which one is padded, relative to the largest logit."""
    vocabulary, length = small.config.vocab_size, min(32, context)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(vocabulary, (2, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, length // 2 + 1 :] = 0
    with torch.no_grad():
        given = {"input_ids": ids.to(small.device), "attention_mask": mask.to(small.device)}
        given |= {"decoder_input_ids": given["input_ids"]} if small.config.is_encoder_decoder else {}
        before, after = small(**given).logits.cpu(), large(**given).logits[..., :vocabulary].cpu()
    read = mask.bool()
    return float((after - before)[read].abs().max() / before[read].abs().max())
