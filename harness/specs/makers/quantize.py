"""Recipe of the maker ``quantize``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.specs.makers.model import Maker, WholeNumbers

FEWEST, MOST = 2, 16


class Quantize(Maker):
    """A checkpoint whose matrices are rounded to grids of ever fewer levels; nothing is trained."""

    VARIES = "bits"

    maker: Literal["quantize"]
    start: str = Field(description="checkpoint to round")
    bits: WholeNumbers = Field(description=f"of a weight, {FEWEST} to {MOST}; one member each, such as [8, 6, 4, 3, 2]")
    per: Literal["row", "tensor"] = Field("row", description="a grid for each output (each word), or for each matrix")
    embeddings: bool = Field(True, description="word embeddings are rounded with the linear layers of the body")

    @model_validator(mode="after")
    def bits_make_a_grid(self) -> Quantize:
        """A sign and a level at least."""
        outside = [number for number in self.bits if not FEWEST <= number <= MOST]
        if outside:
            raise ValueError(f"bits {outside[0]} is out of range; expected {FEWEST} to {MOST}")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(f"bits={bits}" for bits in self.bits)
