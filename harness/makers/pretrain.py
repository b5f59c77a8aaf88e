"""Maker ``pretrain``: language models of several objectives from scratch, or trained on from a checkpoint.

Each size and seed is one run; checkpoints of a run are kept at the steps named, or where a target loss is met. The same
seed and thread count give the same weights, also when a run was killed and goes on: batches and masks of a step depend on
seed and step alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from harness.checkpoints import Resolved, load_tokenizer
from harness.checkpoints.config import body_parameters
from harness.data.parallel import Pair, corpus_pairs
from harness.data.tokenizer import train_tokenizer
from harness.errors import HarnessError
from harness.makers.adversary import AdversarialLoss
from harness.makers.equal_loss import equal_loss
from harness.makers.family import FamilyFolder
from harness.makers.held_out import Found, HeldOut
from harness.makers.held_out_pairs import HeldOutPairs
from harness.makers.models import new_model, non_embedding_parameters, with_dropout
from harness.makers.objectives import LOSSES, Objective, language_batches
from harness.makers.pair_batches import PairTokens, Told, tokenised, told_of
from harness.makers.restoring import Restoring
from harness.makers.run import Run
from harness.makers.target import Target
from harness.makers.training_text import Mixture, Part, blocks_of, both_sides, chosen_parts, whole_parts
from harness.makers.translation import Translating
from harness.progress import say
from harness.specs import LanguageModels, Pretrain, TrainingRun
from harness.specs.makers.pretrain import Evaluate, EvaluatePairs
from harness.training.loop import Batch, Loop, LossFunction, Recipe

VERSION = 2
Batches = Callable[[int, int], Iterator[Batch]]


def make(
    recipe: LanguageModels, folder: Path, *, spec_folder: Path = Path(), device: str = "cpu", offline: bool = False
) -> list[str]:
    """Make what is missing of a family; returns the names of all members, in order.

    Raises:
        HarnessError: the folder holds another family, the corpus has too little text, training diverged, or a target loss
            was not reached.
    """
    family = FamilyFolder(folder, recipe, VERSION)
    if family.missing():
        named = getattr(recipe, "start", None)
        start = None if named is None else family.parent(named, offline=offline)
        if start is not None:
            family.made_from(start)
        train_missing(Material(recipe, family, start, spec_folder, device, offline))
    if isinstance(recipe, Pretrain) and recipe.target_loss is not None and "equal_loss" not in family.about:
        found = {member: Found.load(held_out_path(family, member)) for member in family.names}
        family.describe(equal_loss=equal_loss(found, recipe.equal_within))
    return list(recipe.members())


def train_missing(material: Material) -> None:
    """Train the runs that have a member missing."""
    missing = set(material.family.missing())
    material.family.trained_on(material.corpus[1])
    for run in material.recipe.training_runs():
        if missing & set(run.members.values()):
            train_run(material, run)


@dataclass
class Material:
    """What all runs of a family share: text, tokenizer, held-out text."""

    recipe: LanguageModels
    family: FamilyFolder
    start: Resolved | None
    spec_folder: Path
    device: str
    offline: bool
    held_out: HeldOut | None = None

    @cached_property
    def parallel(self) -> tuple[list[list[Pair]], str]:
        """All pairs that the recipe names, part by part, and what they are called."""
        return corpus_pairs(self.recipe.pairs, self.spec_folder, self.offline)

    @cached_property
    def corpus(self) -> tuple[list[Part], str]:
        """What is read, and what it is called."""
        return self.read_corpus()

    @cached_property
    def blocks(self) -> torch.Tensor | Mixture:
        """The text trained on in sequences of one length."""
        return self.read_blocks()

    @cached_property
    def pairs(self) -> PairTokens:
        """The pairs trained on, as tokens."""
        return self.read_pairs()

    def read_corpus(self) -> tuple[list[Part], str]:
        """All text that the corpus names, or both sides of all pairs, and what it is called."""
        if self.recipe.pairs:
            return [both_sides(part) for part in self.parallel[0]], self.parallel[1]
        return whole_parts(self.recipe, self.spec_folder, self.offline)

    @cached_property
    def tokenizer(self) -> Any:
        """The family's; one that is trained sees the whole corpus, whatever is selected of it."""
        named, texts = self.recipe.tokenizer, [text for part in self.corpus[0] for text in part.texts]
        owner = self.start or (self.family.parent(named, offline=self.offline) if isinstance(named, str) else None)
        return the_tokenizer(self.recipe, owner, texts)

    def read_blocks(self) -> torch.Tensor | Mixture:
        """The text in sequences of one length, as much of it as is selected."""
        parts = chosen_parts(self.recipe, self.corpus[0], self.tokenizer, self.spec_folder, self.offline)
        return blocks_of(self.recipe, parts, self.tokenizer)

    @property
    def training_parallel(self) -> list[list[Pair]]:
        """The pairs trained on, part by part."""
        return self.parallel[0]

    def read_pairs(self) -> PairTokens:
        """Pairs as tokens; how many were too long is said once and kept beside the family."""
        weights, spoken = [part.weight for part in self.recipe.pairs], self.spoken()
        found = tokenised(self.training_parallel, weights, self.tokenizer, self.recipe.length, spoken)
        self.note_pairs(found)
        if found.left_out:
            say(f"{self.family.folder.name}: {found.left_out:,} pairs have a side of more than {self.recipe.length} tokens "
                "and are left out")  # fmt: skip
        return found

    def spoken(self) -> Told:
        """What the model is told of the languages of its pairs."""
        return told_of(self.recipe.languages, self.start, self.tokenizer)

    def note_pairs(self, found: PairTokens) -> None:
        """Keep beside the family how many pairs are trained on."""
        self.family.describe(pairs=found.told)

    def loss(self, own: LanguageModels, model: Any) -> LossFunction:
        """What a model of one size minimises."""
        return partial(LOSSES[own.objective], smoothing=own.label_smoothing)

    def held_out_text(self, evaluate: Evaluate | EvaluatePairs, model: Any) -> HeldOut:
        """The text of ``evaluate``, cut once for all runs.

        Raises:
            HarnessError: members are to be compared on it, and it is a single document.
        """
        if self.held_out is None:
            places = (model, self.tokenizer, self.spec_folder, self.offline)
            if isinstance(evaluate, EvaluatePairs):
                self.held_out = HeldOutPairs(evaluate, self.recipe.length, *places, self.spoken())
            else:
                self.held_out = HeldOut(evaluate, self.recipe, *places)
            if getattr(self.recipe, "target_loss", None) is not None and len(self.family.names) > 1:
                self.held_out.require_documents(2)
        return self.held_out


def parameters(recipe: LanguageModels, folder: Path, *, offline: bool = False) -> int | None:
    """Parameters of the largest member; None where it goes on from another checkpoint, whose own they are.

    Raises:
        HarnessError: the architecture does not exist.
    """
    return None if getattr(recipe, "start", None) else max(parameters_by_size(recipe).values())


def parameters_by_size(recipe: LanguageModels) -> dict[str, int]:
    """Parameters of every size of a ladder, by its name; one name where there is one size.

    Raises:
        HarnessError: the architecture does not exist.
    """
    from transformers import AutoConfig

    vocabulary = 8192 if isinstance(recipe.tokenizer, str) else recipe.tokenizer.vocabulary
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    ends = dict.fromkeys(names + (("decoder_start_token_id",) if recipe.pairs else ()), 0)
    found = {}
    for size in recipe.ladder():
        settings = dict(size.architecture)
        try:
            config = AutoConfig.for_model(settings.pop("model_type"), vocab_size=vocabulary, **ends, **settings)
            found[size.name] = body_parameters(config)
        except (ValueError, KeyError, TypeError) as error:
            raise HarnessError(f"architecture {dict(size.architecture)}: {str(error).splitlines()[0]}") from None
    return found


def the_tokenizer(recipe: LanguageModels, owner: Resolved | None, texts: list[str]) -> Any:
    """That of a checkpoint, or one trained on the corpus."""
    if owner is not None:
        return load_tokenizer(owner.folder, owner.name)
    spec = recipe.tokenizer
    assert not isinstance(spec, str)
    return train_tokenizer(
        texts, kind=spec.kind, vocabulary=spec.vocabulary, objective=recipe.objective, lowercase=spec.lowercase,
        max_length=recipe.length,
    )  # fmt: skip


def train_run(material: Material, run: TrainingRun) -> None:
    """One run: train to its end and keep the checkpoints named; go on where a killed run stopped."""
    own, family, tokenizer, device = material.recipe.of(run.size), material.family, material.tokenizer, material.device
    settings = Recipe(
        steps=run.steps, learning_rate=own.learning_rate, warmup_steps=own.warmup_steps, schedule=own.schedule,
        weight_decay=own.weight_decay, clip=own.clip, precision=own.precision, optimizer=own.optimizer,
        momentum=own.momentum, betas=own.betas or (0.9, 0.999), sam=own.sam,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        model = with_dropout(new_model(own, material.start, tokenizer, run), own.dropout).to(device)
        loss = material.loss(own, model)
        adversary = None
        if own.adversary is not None:
            loss = adversary = AdversarialLoss(
                own.adversary, loss, model, tokenizer, own.length, run.seed, material.spec_folder, material.offline
            )
        loop = Loop(model, settings, loss)
        given, tokens = batches_of(material, own, model, run.seed)
        without_embeddings = non_embedding_parameters(model)
        for member in run.members.values() if run.sized else ():
            family.note(member, parameters=without_embeddings)
        about: About = partial(about_member, own, family, run, material.corpus[1], without_embeddings, tokens)
        members, target = run.members, None
        if isinstance(own, Pretrain) and own.evaluation is not None:
            held_out = material.held_out_text(own.evaluation, model)
            if own.target_loss is not None and run.most is not None:
                target = Target(held_out, own.target_loss, own.evaluation.every, run.most, run.members)
                members = {}
            about = partial(with_held_out, about, held_out, target, run, family, loop)
        Run(family, run.name, loop, given, members, about, tokenizer, target=target, adversary=adversary).train()


def batches_of(
    material: Material, recipe: LanguageModels, model: Any, seed: int
) -> tuple[Batches, Callable[[int], int]]:
    """The batches of a run, and how many tokens it was trained on after a step."""
    if recipe.objective == "translation":
        asked = Translating(material.pairs, recipe.batch_tokens, model, material.tokenizer, seed, material.device)
        return asked.batches, asked.drawn.tokens_until
    blocks = material.blocks
    of_text = asked_of(recipe, model, material.tokenizer, seed)
    given = partial(language_batches, of_text, blocks, recipe.batch_size, seed, material.device)
    return given, lambda step: step * recipe.step_tokens


def asked_of(recipe: LanguageModels, model: Any, tokenizer: Any, seed: int) -> Objective | Restoring:
    """What a model reads of blocks of text and is asked for."""
    if recipe.objective in ("causal", "masked"):
        return Objective(recipe.objective, tokenizer, seed, recipe.corrupted_share)
    return Restoring(recipe.objective, model, tokenizer, seed, recipe.corrupted_share, recipe.span_length)


def about_member(
    recipe: LanguageModels, family: FamilyFolder, run: TrainingRun, corpus: str, parameters: int,
    tokens: Callable[[int], int], step: int, loss: float | None,
) -> dict[str, Any]:  # fmt: skip
    """What a member says of itself."""
    sized = {"size": run.size.name, "parameters": parameters, "learning_rate": run.size.learning_rate}
    return {
        "run": f"{family.recipe[:16]}/{run.name}", "step": step, "training_seed": run.seed, "corpus": corpus,
        "objective": recipe.objective, "parent": getattr(recipe, "start", None),
        "made": {
            "maker": family.maker, "recipe": family.recipe, "threads": torch.get_num_threads(),
            "tokens": tokens(step), "train_loss": loss, **(sized if run.sized else {}),
        },
    }  # fmt: skip


About = Callable[[int, float | None], Mapping[str, Any]]


def with_held_out(
    about: About, held_out: HeldOut, target: Target | None, run: TrainingRun, family: FamilyFolder, loop: Loop, step: int,
    loss: float | None,
) -> dict[str, Any]:  # fmt: skip
    """What a member says of itself, its loss on held-out text too; what each document gave is kept beside the family."""
    found = target.found if target is not None and target.reached == step else None
    found = held_out.measured(loop.model) if found is None else found
    member = run.members[step] if target is None else target.members[step]
    found.save(held_out_path(family, member))
    said = about(step, loss)
    return {**said, "made": {**said["made"], "held_out": {"text": held_out.text, **found.told()}}}


def held_out_path(family: FamilyFolder, member: str) -> Path:
    """Where a member's losses by document stand."""
    return family.folder / ".held_out" / f"{member.replace('/', ' ')}.json"
