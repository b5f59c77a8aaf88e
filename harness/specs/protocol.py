"""A protocol: the training recipe that tasks share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from harness.specs.model import Spec

Rate = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Selection(Spec):
    """Where the learning rate is chosen."""

    on: Literal["held_out", "score"] = Field(
        "held_out", description="held_out: a part of train; score: the scored split itself, as GLUE papers do"
    )
    fraction: Annotated[float, Field(gt=0, lt=1)] = Field(0.1, description="part of train that is held out")
    rows_at_most: Annotated[int, Field(gt=0)] = 2000


class Protocol(Spec):
    """How a model is fine-tuned: AdamW, linear warm-up and decay, a grid of learning rates."""

    NOT_MEASURED: ClassVar[tuple[str, ...]] = ("description",)

    description: str = ""
    learning_rates: Annotated[tuple[Rate, ...], Strict(False), Field(min_length=1)] = (2e-5,)
    epochs: Annotated[float, Field(gt=0)] = 3
    batch_size: Annotated[int, Field(gt=0)] = 32
    warmup: Fraction = Field(0.1, description="part of all steps over which the learning rate rises")
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = Field(1.0, description="largest norm of the gradient")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: matrix products of the training in it, weights and losses in float32"
    )
    max_length: Annotated[int, Field(gt=0)] = 128
    dropout: Fraction | None = Field(None, description="leave out to keep the checkpoint's own")
    train_rows: Annotated[int, Field(gt=0)] | None = Field(None, description="train on so many rows, chosen by seed")
    selection: Selection = Selection()
