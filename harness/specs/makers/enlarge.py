"""Recipe of the maker ``enlarge``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.specs.makers.model import Maker
from harness.specs.task import Positive

SIZES = (
    "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim", "num_hidden_layers",
    "max_position_embeddings", "vocab_size",
)  # fmt: skip


class Enlarge(Maker):
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
