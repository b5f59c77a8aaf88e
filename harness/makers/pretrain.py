"""Maker ``pretrain``: causal and masked language models from scratch, or trained on from a checkpoint.

Each seed is one run; checkpoints of a run are kept at the steps named. The same seed and thread count give the same
weights, also when a run was killed and goes on: batches and masks of a step depend on seed and step alone.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved, resolve
from harness.data.tokenizer import train_tokenizer
from harness.errors import HarnessError
from harness.makers.corpus import corpus_texts, packed
from harness.makers.family import FamilyFolder
from harness.makers.objectives import LOSSES, Objective, language_batches
from harness.makers.run import Run
from harness.specs import Pretrain
from harness.training.loop import Loop, Recipe

VERSION = 2


def make(
    recipe: Pretrain, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the corpus has too little text, or training diverged.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    missing = family.missing()
    if missing:
        start = None if recipe.start is None else family.parent(recipe.start, offline=offline)
        if start is not None:
            family.made_from(start)
        texts, corpus = corpus_texts(recipe.corpus, spec_folder, offline)
        tokenizer = the_tokenizer(recipe, start, texts, offline)
        blocks = packed(tokenizer, texts, recipe, recipe.objective)
        for seed in recipe.seeds:
            if any(name.startswith(f"seed={seed}/") for name in missing):
                train_run(recipe, start, family, tokenizer, blocks, seed, corpus, device)
    return list(recipe.members())


def the_tokenizer(recipe: Pretrain, start: Resolved | None, texts: list[str], offline: bool) -> Any:
    """The tokenizer named, the start's own, or one trained on the corpus."""
    from harness.checkpoints import load_tokenizer

    named = recipe.tokenizer if isinstance(recipe.tokenizer, str) else None
    found = start or (resolve(named, offline=offline) if named else None)
    if found is not None:
        return load_tokenizer(found.folder, found.name)
    spec = recipe.tokenizer
    assert not isinstance(spec, str)
    return train_tokenizer(
        texts, kind=spec.kind, vocabulary=spec.vocabulary, objective=recipe.objective, lowercase=spec.lowercase,
        max_length=recipe.length,
    )  # fmt: skip


def new_model(recipe: Pretrain, start: Resolved | None, tokenizer: Any, seed: int) -> Any:
    """A model with random weights under the seed, or the start's."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    if start is not None:
        from harness.checkpoints import load_language_model, load_with_new_head

        return (
            load_with_new_head(start, seed)
            if recipe.head == "tied"
            else load_language_model(start, "cpu", "float32")[0]
        )
    settings = dict(recipe.architecture)
    model_type = settings.pop("model_type")
    try:
        usual = AutoConfig.for_model(model_type)
        named = [name for name in ("cls_token_id", "sep_token_id") if getattr(usual, name, None) is not None]
        special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id", *named)}
        config = AutoConfig.for_model(model_type, vocab_size=len(tokenizer), **special, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            chosen = AutoModelForCausalLM if recipe.objective == "causal" else AutoModelForMaskedLM
            return chosen.from_config(config)
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"architecture {dict(recipe.architecture)}: {str(error).splitlines()[0]}") from None


def train_run(
    recipe: Pretrain, start: Resolved | None, family: FamilyFolder, tokenizer: Any, blocks: torch.Tensor, seed: int,
    corpus: str, device: str,
) -> None:  # fmt: skip
    """One run: train to the last step and keep the checkpoints named; go on where a killed run stopped."""
    steps = recipe.steps[-1]
    settings = Recipe(
        steps=steps, learning_rate=recipe.learning_rate, warmup_steps=recipe.warmup_steps, schedule=recipe.schedule,
        weight_decay=recipe.weight_decay, clip=recipe.clip, precision=recipe.precision,
    )  # fmt: skip
    about = partial(about_member, recipe, family, seed, corpus)
    members = {step: f"seed={seed}/step={step}" for step in recipe.steps}
    given = partial(language_batches, Objective(recipe.objective, tokenizer, seed, recipe.mask_rate), blocks,
                    recipe.batch_size, seed, device)  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loop = Loop(new_model(recipe, start, tokenizer, seed).to(device), settings, LOSSES[recipe.objective])
        size = sum(parameter.nbytes for parameter in loop.model.parameters())
        family.require_space(size, training=3 * size)
        Run(family, f"seed={seed}", loop, given, members, about, tokenizer).train()


def about_member(
    recipe: Pretrain, family: FamilyFolder, seed: int, corpus: str, step: int, loss: float | None
) -> dict[str, Any]:
    """What a member says of itself."""
    return {
        "run": f"{family.recipe[:16]}/seed={seed}", "step": step, "training_seed": seed, "corpus": corpus,
        "objective": recipe.objective, "parent": recipe.start,
        "made": {
            "maker": "pretrain", "recipe": family.recipe, "threads": torch.get_num_threads(),
            "tokens": step * recipe.batch_size * recipe.length, "train_loss": loss,
        },
    }  # fmt: skip
