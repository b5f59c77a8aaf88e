"""Maker ``pretrain``: language models of several objectives from scratch, or trained on from a checkpoint.

Each size and seed is one run; checkpoints of a run are kept at the steps named. The same seed and thread count give the same
weights, also when a run was killed and goes on: batches and masks of a step depend on seed and step alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import resolve
from harness.checkpoints.dropout import rates, set_dropout
from harness.data.tokenizer import train_tokenizer
from harness.errors import HarnessError
from harness.makers.corpus import corpus_texts, packed
from harness.makers.family import FamilyFolder
from harness.makers.objectives import LOSSES, Objective, language_batches
from harness.makers.restoring import Restoring
from harness.makers.run import Run
from harness.specs import LanguageModels, Pretrain, TrainingRun
from harness.training.loop import Loop, Recipe

VERSION = 2


def make(
    recipe: LanguageModels, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the corpus has too little text, or training diverged.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    missing = set(family.missing())
    if missing:
        if recipe.parents():
            family.made_from(*(resolve(parent, offline=offline) for parent in recipe.parents()))
        texts, corpus = corpus_texts(recipe.corpus, spec_folder, offline)
        tokenizer = the_tokenizer(recipe, texts, offline)
        blocks = packed(tokenizer, texts, recipe, recipe.objective)
        for run in recipe.training_runs():
            if missing & set(run.members.values()):
                train_run(recipe, family, tokenizer, blocks, run, corpus, device, offline)
    return list(recipe.members())


def the_tokenizer(recipe: LanguageModels, texts: list[str], offline: bool) -> Any:
    """The tokenizer named, the start's own, or one trained on the corpus."""
    from harness.checkpoints import load_tokenizer

    name = getattr(recipe, "start", None) or (recipe.tokenizer if isinstance(recipe.tokenizer, str) else None)
    if name is not None:
        found = resolve(name, offline=offline)
        return load_tokenizer(found.folder, found.name)
    spec = recipe.tokenizer
    assert not isinstance(spec, str)
    return train_tokenizer(
        texts, kind=spec.kind, vocabulary=spec.vocabulary, objective=recipe.objective, lowercase=spec.lowercase,
        max_length=recipe.length,
    )  # fmt: skip


def new_model(recipe: LanguageModels, tokenizer: Any, run: TrainingRun, offline: bool) -> Any:
    """A model with random weights under the seed, or the start's."""
    if not isinstance(recipe, Pretrain) or recipe.start is None:
        return from_scratch(recipe.objective, run.size.architecture, tokenizer, run.seed)
    from harness.checkpoints import load_language_model, load_with_new_head

    start = resolve(recipe.start, offline=offline)
    if recipe.head == "tied":
        return load_with_new_head(start, run.seed)
    return load_language_model(start, "cpu", "float32")[0]


def from_scratch(objective: str, architecture: Mapping[str, Any], tokenizer: Any, seed: int) -> Any:
    """A language model with random weights under the seed.

    Raises:
        HarnessError: transformers has no such architecture.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    settings = dict(architecture)
    model_type = settings.pop("model_type")
    if objective in ("span", "denoising"):
        settings["decoder_start_token_id"] = tokenizer.pad_token_id if objective == "span" else tokenizer.eos_token_id
    try:
        usual = AutoConfig.for_model(model_type)
        named = [name for name in ("cls_token_id", "sep_token_id") if getattr(usual, name, None) is not None]
        special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id", *named)}
        config = AutoConfig.for_model(model_type, vocab_size=len(tokenizer), **special, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            chosen = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}.get(
                objective, AutoModelForSeq2SeqLM
            )
            return chosen.from_config(config)
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"architecture {dict(architecture)}: {str(error).splitlines()[0]}") from None


def train_run(
    recipe: LanguageModels, family: FamilyFolder, tokenizer: Any, blocks: torch.Tensor, run: TrainingRun, corpus: str,
    device: str, offline: bool,
) -> None:  # fmt: skip
    """One run: train to the last step and keep the checkpoints named; go on where a killed run stopped."""
    own = recipe.of(run.size)
    settings = Recipe(
        steps=run.steps, learning_rate=own.learning_rate, warmup_steps=own.warmup_steps, schedule=own.schedule,
        weight_decay=own.weight_decay, clip=own.clip, precision=own.precision, optimizer=own.optimizer,
        momentum=own.momentum, betas=own.betas or (0.9, 0.999), sam=own.sam,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        model = with_dropout(new_model(recipe, tokenizer, run, offline), own.dropout).to(device)
        given = partial(
            language_batches, asked_of(own, model, tokenizer, run.seed), blocks, own.batch_size, run.seed, device
        )
        loop = Loop(model, settings, partial(LOSSES[own.objective], smoothing=own.label_smoothing))
        size = sum(parameter.nbytes for parameter in loop.model.parameters())
        family.require_space(size, training=3 * size)
        about = partial(about_member, own, family, run, corpus, non_embedding_parameters(loop.model))
        Run(family, run.name, loop, given, run.members, about, tokenizer).train()
    if run.sized:
        for member in run.members.values():
            family.note(member, parameters=non_embedding_parameters(loop.model))


def asked_of(recipe: LanguageModels, model: Any, tokenizer: Any, seed: int) -> Objective | Restoring:
    """What a model reads of blocks of text and is asked for."""
    if recipe.objective in ("causal", "masked"):
        return Objective(recipe.objective, tokenizer, seed, recipe.corrupted_share)
    return Restoring(recipe.objective, model, tokenizer, seed, recipe.corrupted_share, recipe.span_length)


def with_dropout(model: Any, rate: float | None) -> Any:
    """The model with another dropout rate in every place, and the configuration it had; None leaves it as it is.

    Raises:
        HarnessError: its configuration has no dropout rate.
    """
    if rate is None:
        return model
    config, weights = model.config, model.state_dict()
    if not rates(config):
        raise HarnessError(f"dropout: {rate} has no place in a model of type {config.model_type}, which has no dropout")
    other = copy.deepcopy(config)
    set_dropout(other, rate)
    with torch.random.fork_rng(devices=[]):
        found = type(model)(other)
    found.load_state_dict(weights)
    found.tie_weights()
    found.config = config  # what is saved; the parts of the model keep the other
    return found


def non_embedding_parameters(model: Any) -> int:
    """N of Kaplan et al. 2020: all parameters but the embeddings of tokens and positions and an output layer of its own."""
    apart = {id(p) for part in model.modules() if isinstance(part, torch.nn.Embedding) for p in part.parameters()}
    head = model.get_output_embeddings()
    apart |= {id(p) for p in head.parameters()} if head is not None else set()
    return sum(p.numel() for p in model.parameters() if id(p) not in apart)


def about_member(
    recipe: LanguageModels, family: FamilyFolder, run: TrainingRun, corpus: str, parameters: int, step: int,
    loss: float | None,
) -> dict[str, Any]:  # fmt: skip
    """What a member says of itself."""
    sized = {"size": run.size.name, "parameters": parameters, "learning_rate": run.size.learning_rate}
    return {
        "run": f"{family.recipe[:16]}/{run.name}", "step": step, "training_seed": run.seed, "corpus": corpus,
        "objective": recipe.objective, "parent": getattr(recipe, "start", None),
        "made": {
            "maker": recipe.maker, "recipe": family.recipe, "threads": torch.get_num_threads(),
            "tokens": step * recipe.batch_size * recipe.length, "train_loss": loss, **(sized if run.sized else {}),
        },
    }  # fmt: skip
