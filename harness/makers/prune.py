"""Maker ``prune``: a checkpoint with a share of its weights zero, as Gordon et al. 2020 (Compressing BERT) made it.

Which weights may be pruned stands in ``harness/training/pruning/matrices.py``. Members of the regimes ``pruned`` and
``information_deletion`` have the same weights and are made once: pruned, at once or bit by bit, and trained on under masks
(``recover``). The first says so in its ``config.json`` (``harness_pruning``), and whoever trains it on, fine-tuning included,
holds the masks; a member of the second says nothing and is trained as any other. A weight once pruned stays so while masks
are held. A member ``after_downstream`` is the start itself, dense and not trained on, so its upstream loss is that of the
start; its config tells fine-tuning what to prune half way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved, resolve
from harness.checkpoints.change import load_to_change
from harness.checkpoints.pruned import AFTER_DOWNSTREAM, ATTRIBUTE, HELD, forget_pruning
from harness.errors import HarnessError
from harness.makers.corpus import corpus_texts, packed
from harness.makers.family import MEMBER, FamilyFolder, of_its_start
from harness.makers.objectives import LOSSES, Objective, language_batches
from harness.makers.run import Run
from harness.specs import Prune
from harness.specs.makers.prune import Pruned
from harness.training.loop import Loop, Recipe
from harness.training.pruning.choice import Choice, Setting
from harness.training.pruning.schedule import Schedule

VERSION = 1


def make(
    recipe: Prune, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the start cannot be pruned or trained on, or training diverged.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    if family.missing():
        start = family.parent(recipe.start, offline=offline)
        family.made_from(start)
        work = Work(recipe, family, start, device, *text_of(recipe, start, spec_folder, offline))
        if work.corpus is not None:
            family.trained_on(work.corpus)
        together: dict[Any, list[Pruned]] = {}
        for variant in recipe.variants():
            together.setdefault(variant.weights, []).append(variant)
        for variants in together.values():
            if not all(family.complete(variant.name) for variant in variants):
                make_together(work, variants)
    return list(recipe.members())


@dataclass(frozen=True, slots=True)
class Work:
    """What all members are made with; blocks of text, int64 ``(N, length)``, and its name where they recover."""

    recipe: Prune
    family: FamilyFolder
    start: Resolved
    device: str
    blocks: torch.Tensor | None
    corpus: str | None

    def setting(self, variant: Pruned) -> Setting:
        """How the weights of a member are chosen."""
        recipe = self.recipe
        return Setting(
            variant.method, recipe.scope, recipe.embeddings, variant.seed, recipe.structure, variant.n_m, recipe.layers,
            recipe.in_layers,
        )  # fmt: skip


def text_of(
    recipe: Prune, start: Resolved, spec_folder: Path, offline: bool
) -> tuple[torch.Tensor | None, str | None]:  # fmt: skip
    """The text to recover on and its name; nothing where members do not.

    Raises:
        HarnessError: the start cannot be trained on, or there is too little text.
    """
    if not recipe.recover or recipe.regime == (AFTER_DOWNSTREAM,):
        return None, None
    if start.objective not in LOSSES:
        raise HarnessError(
            f"{start.name} cannot recover: its objective is {start.objective}, expected {' or '.join(LOSSES)}; "
            "leave recover out, or name the checkpoint it was made from, with its head"
        )
    from harness.checkpoints import load_tokenizer

    texts, corpus = corpus_texts(recipe.corpus, spec_folder, offline)
    return packed(load_tokenizer(start.folder, start.name), texts, recipe, start.objective), corpus


def make_together(work: Work, variants: Sequence[Pruned]) -> None:
    """Make members that have the same weights: the first is pruned and trained, the others take its weights."""
    family = work.family
    standing = [variant for variant in variants if family.complete(variant.name)]
    first = standing[0] if standing else variants[0]
    if not standing and work.blocks is not None and first.regime != AFTER_DOWNSTREAM:
        train(work, first)
    elif not standing:
        prune_at_once(work, first)
    others = [variant for variant in variants if not family.complete(variant.name)]
    if others:
        model, tokenizer = load_to_change(resolve(str(family.folder / first.name), offline=True))
        about = json.loads((family.folder / first.name / MEMBER).read_text(encoding="utf-8"))
        for variant in others:
            mark(model, work, variant)
            made = about["made"] | {"regime": variant.regime}
            family.save(variant.name, model, tokenizer, about | {"made": made})


def prune_at_once(work: Work, variant: Pruned) -> None:
    """A member that is not trained: it belongs to the run of its start."""
    model, tokenizer = load_to_change(work.start, work.device)
    work.family.require_space(sum(parameter.nbytes for parameter in model.parameters()))
    choice = Choice(model, work.setting(variant))
    dense = variant.regime == AFTER_DOWNSTREAM
    zeros = {} if dense else choice.prune(variant.sparsity)
    mark(model, work, variant)
    about = of_its_start(work.start, made_of(work, variant, choice, zeros))
    work.family.save(variant.name, model.cpu(), tokenizer, about)


def train(work: Work, variant: Pruned) -> None:
    """A member that recovers: a run of its own; go on where a killed one stopped."""
    recipe, objective = work.recipe, work.start.objective
    settings = Recipe(
        steps=recipe.recover, learning_rate=recipe.learning_rate, warmup_steps=recipe.warmup_steps,
        schedule=recipe.schedule, weight_decay=recipe.weight_decay, clip=recipe.clip, precision=recipe.precision,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(variant.seed)
        model, tokenizer = load_to_change(work.start, work.device)
        size = sum(parameter.nbytes for parameter in model.parameters())
        work.family.require_space(size, training=3 * size + size // 4)
        loop = Loop(model, settings, LOSSES[objective])
        choice = Choice(model, work.setting(variant))
        schedule = Schedule(variant.sparsity, recipe.ramp_steps, recipe.every)
        if schedule.ramp:
            loop.after_backward = partial(choose_anew, loop, choice, schedule)
        else:
            loop.hold(choice.zeros(variant.sparsity))
        given = partial(
            language_batches, Objective(objective, tokenizer, variant.seed, recipe.mask_rate), work.blocks,
            recipe.batch_size, variant.seed, work.device,
        )  # fmt: skip
        about = partial(about_trained, work, variant, loop, choice)
        members = {recipe.recover: variant.name}
        Run(
            work.family, variant.name, loop, given, members, about, tokenizer,
            before_saving=partial(mark, work=work, variant=variant),
        ).train()  # fmt: skip


def choose_anew(loop: Loop, choice: Choice, schedule: Schedule, step: int) -> None:
    """Masks of a step in which the sparsity rises."""
    if schedule.due(step):
        loop.hold(choice.zeros(schedule.sparsity(step)))


def mark(model: Any, work: Work, variant: Pruned) -> None:
    """Write into the config what training has to heed, and nothing where it has to heed nothing."""
    setting = work.setting(variant)
    if variant.regime == HELD:
        setattr(model.config, ATTRIBUTE, Choice(model, setting).held(variant.sparsity))
    elif variant.regime == AFTER_DOWNSTREAM:
        note = {"regime": AFTER_DOWNSTREAM, "sparsity": variant.sparsity, "setting": setting.as_dict()}
        setattr(
            model.config, ATTRIBUTE, note | {"epochs": [work.recipe.epochs_before, work.recipe.epochs_after]}
        )  # fmt: skip
    else:
        forget_pruning(model.config)


def about_trained(
    work: Work, variant: Pruned, loop: Loop, choice: Choice, step: int, loss: float | None
) -> dict[str, Any]:
    """What a member that recovered says of itself."""
    recipe = work.recipe
    of = f"/n_m={variant.n_m}" if variant.n_m else ""
    name = f"sparsity={variant.sparsity}{of}/method={variant.method}/seed={variant.seed}"
    trained = {
        "threads": torch.get_num_threads(), "tokens": step * recipe.batch_size * recipe.length, "train_loss": loss
    }  # fmt: skip
    return {
        "run": f"{work.family.recipe[:16]}/{name}", "step": step, "training_seed": variant.seed, "corpus": work.corpus,
        "objective": work.start.objective, "parent": recipe.start,
        "made": made_of(work, variant, choice, loop.held) | trained,
    }  # fmt: skip


def made_of(work: Work, variant: Pruned, choice: Choice, zeros: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """How a member was made, and how much of it is zero: of its weights, or of its heads or layers."""
    reached = choice.structure.reached(variant.sparsity) if zeros else 0.0
    return {
        "maker": "prune", "recipe": work.family.recipe, "from": work.start.identity, "method": variant.method,
        "regime": variant.regime, "sparsity": variant.sparsity, "sparsity_reached": reached,
        "matrices": len(choice.matrices), "weights": choice.size,
        "masked": sum(int(where.sum()) for where in zeros.values()),
    }  # fmt: skip
