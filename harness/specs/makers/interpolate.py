"""Recipe of the maker ``interpolate``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.specs.makers.model import Maker, Numbers


class Interpolate(Maker):
    """Checkpoints on the way from one to another, weight by weight; nothing is trained."""

    VARIES = "weight"

    maker: Literal["interpolate"]
    start: str = Field(description="checkpoint at weight 0")
    end: str = Field(description="checkpoint at weight 1, of the same architecture and tokenizer")
    weights: Numbers = Field(
        tuple(n / 10 for n in range(11)), description="how much of the end, 0 to 1, such as 0.0:1.0:0.1"
    )
    method: Literal["linear", "slerp"] = Field(
        "linear", description="linear: (1 - w) start + w end; slerp: along the arc between the two, tensor by tensor"
    )

    @model_validator(mode="after")
    def weights_are_shares(self) -> Interpolate:
        """From one to the other."""
        outside = [weight for weight in self.weights if not 0 <= weight <= 1]
        if outside:
            raise ValueError(f"weight {outside[0]} is out of range; expected 0 (the start) to 1 (the end)")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(f"weight={weight}" for weight in self.weights)

    def parents(self) -> tuple[str, ...]:
        """The two ends."""
        return (self.start, self.end)
