"""Recipe of the maker ``pretrain``, and what it shares with others that train language models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.decoding import Languages
from harness.specs.makers.ladder import Ladder, Size
from harness.specs.makers.model import WHOLE_SPREAD, Maker, Seeds
from harness.specs.makers.text import Select, TrainingTexts
from harness.specs.model import Spec
from harness.specs.parallel import ParallelText
from harness.specs.task import Corpus, Positive

TextObjective = Literal["causal", "masked", "span", "denoising"]
"""Span: span corruption, as T5 was trained. Denoising: text infilling, as BART was."""
Objective = Literal["causal", "masked", "span", "denoising", "translation"]
"""Of text, or of pairs."""


class Tokenizer(Spec):
    """A tokenizer trained on the corpus, or on both sides of pairs."""

    kind: Literal["bpe", "word", "sentencepiece"] = Field(
        "bpe",
        description="bpe: of bytes; word: white space parts words; sentencepiece: BPE of characters, a mark where a word begins",
    )
    vocabulary: Positive = 8192
    lowercase: bool = False


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training run that a recipe asks for.

    Attributes:
        name: within the family, such as ``size=d64/seed=1``.
        seed: of weights, order and masks.
        size: architecture and learning rate.
        members: step -> name of the checkpoint kept after it; the largest step ends the run.
        sized: whether its size is one of several, or is what the family is about.
        most: where training goes on to a target loss, the steps that it may take; members are then counted from the
            step that reached it.
    """

    name: str
    seed: int
    size: Size
    members: Mapping[int, str]
    sized: bool = False
    most: int | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps of the run; the most there may be."""
        return max(self.members) + (self.most or 0)


class LanguageModels(Ladder, Maker):
    """Language models of one objective, in one or several sizes; each size and seed is a run, or several."""

    objective: Objective
    span_length: Annotated[float, Field(ge=1)] = Field(3.0, description="span and denoising: mean tokens of a span")
    tokenizer: Tokenizer | str = Field(
        Tokenizer(), description="one to train, or a checkpoint whose own is taken: any, or a member of another family"
    )
    corpus: TrainingTexts = Field(
        (), description="text to train on: lm_loss/NAME (its train split), a file, or a mapping"
    )
    pairs: Annotated[tuple[ParallelText, ...], Strict(False)] = Field(
        (), description="translation: texts and their translations to train on, in place of a corpus"
    )
    batch_tokens: Positive = Field(
        4096,
        description="translation: the most tokens of a batch, both sides with their padding, in place of batch_size; pairs "
        "with a side of more tokens than length are left out",
    )
    languages: Languages | None = Field(
        None, description="translation: of the pairs, where a model has to be told: mBART, M2M100, NLLB, Marian of many"
    )
    select: Select | None = None
    seeds: Seeds = (1,)

    @model_validator(mode="after")
    def weights_of_all_parts(self) -> LanguageModels:
        """Every part of a mixture has a weight."""
        for what, parts in (("corpus", self.corpus), ("pairs", self.pairs)):
            given = [part.weight is not None for part in parts]
            if any(given) and not all(given):
                raise ValueError(
                    f"give every part of the {what} a weight, or none: they are shares relative to one another"
                )
        return self

    @model_validator(mode="after")
    def text_or_pairs(self) -> LanguageModels:
        """Translation learns from pairs, everything else from text."""
        if self.objective == "translation":
            if not self.pairs or self.corpus or self.select is not None:
                raise ValueError("objective: translation learns from pairs: give them; corpus and select are for text")
        elif self.pairs or not self.corpus:
            raise ValueError(f"objective: {self.objective} learns from text: give a corpus; pairs are for translation")
        return self

    @model_validator(mode="after")
    def adversary_that_has_features(self) -> LanguageModels:
        """An adversary reads the states of one stack of layers."""
        against = self.adversary or any(size.adversary for size in self.sizes)
        if against and self.objective not in ("causal", "masked"):
            raise ValueError(f"adversary is for objective: causal or masked; found {self.objective}")
        return self

    def training_runs(self) -> tuple[TrainingRun, ...]:
        """The training runs, in order."""
        raise NotImplementedError

    def needs(self) -> tuple[str, ...]:
        """Its parents, and the checkpoint whose tokenizer it takes."""
        return (*self.parents(), *((self.tokenizer,) if isinstance(self.tokenizer, str) else ()))

    @property
    def corrupted_share(self) -> float:
        """Share of tokens that are hidden; where mask_rate is not given, .15 and in denoising .3, as published."""
        return 0.3 if self.objective == "denoising" and "mask_rate" not in self.model_fields_set else self.mask_rate

    @property
    def several_sizes(self) -> bool:
        """Whether sizes are named, and stand in the names of members."""
        return bool(self.sizes or self.widths or self.depths)

    def named_runs(self) -> list[tuple[str, int, Size]]:
        """Name, seed and size of one run a size and seed; the name tells the size where several are asked for."""
        return [
            (f"size={size.name}/seed={seed}" if self.several_sizes else f"seed={seed}", seed, size)
            for size in self.ladder()
            for seed in self.seeds
        ]

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(member for run in self.training_runs() for member in run.members.values())

    def training_tokens(self) -> int:
        """Every run is trained to its last step."""
        return sum(run.steps * self.of(run.size).step_tokens for run in self.training_runs())

    @property
    def step_tokens(self) -> int:
        """Tokens of one optimizer step; of pairs the most there may be."""
        return self.batch_tokens if self.objective == "translation" else self.batch_size * self.length


class Evaluate(Corpus):
    """Held-out text whose loss is measured while a model is trained, always on the same tokens and masks."""

    every: Positive = Field(50, description="steps between two evaluations")
    mask_seed: int = Field(0, description="of the masks, or the spans")


class EvaluatePairs(ParallelText):
    """Held-out pairs on which the loss of a translation model is measured while it is trained."""

    every: Positive = Field(50, description="steps between two evaluations")


class Pretrain(LanguageModels):
    """A language model trained from scratch, or trained on from ``start``; each seed is one run of several steps."""

    VARIES = "step"

    maker: Literal["pretrain"]
    start: str | None = Field(None, description="checkpoint to go on from; its architecture and tokenizer are kept")
    head: Literal["own", "tied"] = Field(
        "own",
        description="tied: an encoder is given a masked-LM head, new but for its last layer, the input embeddings",
    )
    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)] = Field(
        description="optimizer steps after which a checkpoint is kept; the last one ends the run"
    )
    evaluate: Evaluate | None = Field(None, description="held-out text; members tell their loss on it")
    evaluate_pairs: EvaluatePairs | None = Field(None, description="translation: held-out pairs, in place of evaluate")
    target_loss: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="nats per token of evaluate: a run ends at the first evaluation at or below it, within the one number of "
        "steps given; members are then named by their steps past it",
    )
    continue_steps: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)
    ] = Field((0,), description="steps past the target after which a checkpoint is kept")
    equal_within: Annotated[float, Field(gt=0)] = Field(
        0.02, description="nats per token within which two members of a target are tested to be equal"
    )

    @model_validator(mode="after")
    def from_scratch_or_start(self) -> Pretrain:
        """An architecture for a new model, none for one that goes on."""
        if self.start is None and "model_type" not in self.architecture:
            raise ValueError("architecture needs model_type (such as bert or gpt2), or give start: a checkpoint")
        if self.start is not None and (self.architecture or self.sizes):
            raise ValueError("start keeps the checkpoint's architecture; leave architecture and sizes out")
        if self.head == "tied" and (self.start is None or self.objective != "masked"):
            raise ValueError("head: tied is for an encoder that start names, with objective: masked; leave head out")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps must rise: {list(self.steps)}")
        return self

    @model_validator(mode="after")
    def target_that_can_be_met(self) -> Pretrain:
        """A target has a text to be met on, a bound, and a schedule that knows no end."""
        if self.target_loss is None:
            if self.continue_steps != (0,):
                raise ValueError("continue_steps are counted from target_loss; give it, or leave continue_steps out")
            return self
        if self.evaluation is None:
            raise ValueError("target_loss is a loss on held-out text; say which under evaluate: (data, split, every)")
        if len(self.steps) != 1:
            raise ValueError(f"target_loss takes one number of steps, the most there may be; found {list(self.steps)}")
        if any(self.of(size).schedule != "constant" for size in self.ladder()):
            raise ValueError("target_loss ends a run at a step not known beforehand; it needs schedule: constant")
        if list(self.continue_steps) != sorted(set(self.continue_steps)):
            raise ValueError(f"continue_steps must rise: {list(self.continue_steps)}")
        return self

    @model_validator(mode="after")
    def evaluated_on_what_it_learns(self) -> Pretrain:
        """A translation model is evaluated on pairs, every other on text."""
        if self.objective == "translation" and self.evaluate is not None:
            raise ValueError("objective: translation is evaluated on pairs: give evaluate_pairs in place of evaluate")
        if self.objective != "translation" and self.evaluate_pairs is not None:
            raise ValueError(
                f"objective: {self.objective} is evaluated on text: give evaluate in place of evaluate_pairs"
            )
        return self

    @property
    def evaluation(self) -> Evaluate | EvaluatePairs | None:
        """What the loss is measured on while a model is trained."""
        return self.evaluate_pairs or self.evaluate

    def training_runs(self) -> tuple[TrainingRun, ...]:
        """One run a size and seed."""
        past = self.target_loss is not None
        kept, knob = (self.continue_steps, "past") if past else (self.steps, "step")
        return tuple(
            TrainingRun(
                name, seed, size, {step: f"{name}/{knob}={step}" for step in kept}, self.several_sizes,
                self.steps[0] if past else None,
            )
            for name, seed, size in self.named_runs()
        )  # fmt: skip
