"""Recipes: what stands under ``make:`` in a suite, one class a maker. The maker's code is ``harness/makers/NAME.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, TypeAdapter, model_validator

from harness.specs.model import Spec
from harness.specs.task import Corpus, Positive


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


SIZES = (
    "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim", "num_hidden_layers",
    "max_position_embeddings", "vocab_size",
)  # fmt: skip


class Enlarge(Spec):
    """A checkpoint in a larger architecture that computes the same; what is not named keeps its size.

    Sizes have the names that most configurations of transformers give them, whatever the architecture calls its own.
    """

    maker: Literal["enlarge"]
    start: str = Field(description="checkpoint to enlarge")
    hidden_size: Positive | None = None
    intermediate_size: Positive | None = None
    num_attention_heads: Positive | None = None
    num_key_value_heads: Positive | None = None
    head_dim: Positive | None = None
    num_hidden_layers: Positive | None = Field(None, description="new layers come last and add nothing")
    max_position_embeddings: Positive | None = None
    vocab_size: Positive | None = None
    width: Literal["isometric", "duplicate", "zeros"] = Field(
        "isometric",
        description="how a wider hidden state holds the old one: copies that keep its length (and every gradient's), plain "
        "copies of which one is read (they keep the normalisation's epsilon), or zeros; harness/makers/enlargement/widths.py says more",
    )
    new_positions: Literal["zero", "repeat"] = Field("zero", description="rows of a longer table of positions")

    @model_validator(mode="after")
    def something_grows(self) -> Enlarge:
        """A recipe names a size."""
        if all(getattr(self, name) is None for name in SIZES):
            raise ValueError(f"name what grows: {', '.join(SIZES)}")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes: one."""
        return ("enlarged",)


MAKERS: Mapping[str, type[Pretrain | Enlarge]] = {"pretrain": Pretrain, "enlarge": Enlarge}
Recipe = Annotated[Pretrain | Enlarge, Field(discriminator="maker")]


def recipe_of(value: Mapping[str, Any]) -> Pretrain | Enlarge:
    """The recipe that a suite holds under ``make:``, once the suite was checked."""
    return TypeAdapter(Recipe).validate_python(value)
