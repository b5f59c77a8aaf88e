"""Recipe of the maker ``pretrain``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.makers.corpus import Corpora
from harness.specs.makers.model import WHOLE_SPREAD, Maker, Seeds, Training
from harness.specs.model import Spec
from harness.specs.task import Positive


class Tokenizer(Spec):
    """A tokenizer trained on the corpus."""

    kind: Literal["bpe", "word"] = "bpe"
    vocabulary: Positive = 8192
    lowercase: bool = False


class Pretrain(Training, Maker):
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
    corpus: Annotated[Corpora, Field(min_length=1)] = Field(
        description="text to train on: lm_loss/NAME (its train split), a file, or a mapping"
    )
    seeds: Seeds = (1,)
    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)] = Field(
        description="optimizer steps after which a checkpoint is kept; the last one ends the run"
    )

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

    def training_tokens(self) -> int:
        """Every seed is trained to the last step."""
        return self.steps[-1] * self.batch_size * self.length * len(self.seeds)
