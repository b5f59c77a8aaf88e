"""A suite: checkpoints x tasks x seeds, what each task is for, and how families are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.model import Spec
from harness.specs.task import Corpus, Positive, Strings


class Tokenizer(Spec):
    """A tokenizer trained on the corpus."""

    kind: Literal["bpe", "word"] = "bpe"
    vocabulary: Positive = 8192
    lowercase: bool = False


class Pretrain(Spec):
    """A language model trained from scratch, or trained on from ``start``; each seed is one run of several steps."""

    maker: Literal["pretrain"]
    objective: Literal["causal", "masked"]
    start: str | None = Field(None, description="checkpoint to go on from; its architecture and tokenizer are kept")
    head: Literal["own", "tied"] = Field(
        "own",
        description="tied: an encoder is given a masked-LM head, new but for its last layer, the input embeddings",
    )
    architecture: dict[str, Any] = Field(default_factory=dict, description="model_type and its configuration")
    tokenizer: Tokenizer | str = Tokenizer()
    corpus: Annotated[tuple[Corpus, ...], Strict(False), Field(min_length=1)]
    seeds: Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = (1,)
    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Strict(False), Field(min_length=1)] = Field(
        description="optimizer steps after which a checkpoint is kept; the last one ends the run"
    )
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["linear", "constant", "cosine"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    batch_size: Positive = 32
    length: Positive = Field(128, description="tokens of a training sequence, special tokens included")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: matrix products of the training in it, weights and losses in float32"
    )
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def from_scratch_or_start(self) -> Pretrain:
        """An architecture for a new model, none for one that goes on."""
        if self.start is None and "model_type" not in self.architecture:
            raise ValueError("architecture needs model_type (such as bert or gpt2), or give start: a checkpoint")
        if self.start is not None and self.architecture:
            raise ValueError("start keeps the checkpoint's architecture; leave architecture out")
        if self.head == "tied" and (self.start is None or self.objective != "masked"):
            raise ValueError("head: tied is for an encoder that start names, with objective: masked; leave head out")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps must rise: {list(self.steps)}")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(f"seed={seed}/step={step}" for seed in self.seeds for step in self.steps)


class Family(Spec):
    """Checkpoints that one line may be fitted through: named, or made."""

    checkpoints: Strings = ()
    make: Pretrain | None = None

    @model_validator(mode="after")
    def named_or_made(self) -> Family:
        """Exactly one of the two."""
        if bool(self.checkpoints) == (self.make is not None):
            raise ValueError("a family has either checkpoints: or make:")
        return self


class Planted(Spec):
    """A control: a cell whose slope is known before anything is measured."""

    task: str
    metric: str
    slope: float = Field(description="true change of the metric for one unit of the upstream loss")
    because: str = ""
    upstream: str = Field("", description="the upstream task that the slope is known against; leave out where all")


class Roles(Spec):
    """What each task is for. An entry is a task's name, or a spec derived from one (name: and include:)."""

    upstream: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    flatness: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    downstream: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = ()
    affinity: Annotated[tuple[str | dict[str, Any], ...], Strict(False)] = Field(
        (), description="features of tasks from which their slopes may be predicted"
    )


class Only(Spec):
    """Cells to leave out: the tasks named are measured on these families alone."""

    tasks: Strings
    families: Strings


class Suite(Spec):
    """One leaderboard: what is measured and which slopes are fitted."""

    title: str = ""
    description: str = ""
    families: dict[str, Family] = Field(min_length=1)
    tasks: Roles
    seeds: Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = (1,)
    only: Annotated[tuple[Only, ...], Strict(False)] = ()
    controls: Annotated[tuple[Planted, ...], Strict(False)] = ()
    headline: dict[str, str] = Field(default_factory=dict, description="task -> the metric to fit")
    device: str = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
