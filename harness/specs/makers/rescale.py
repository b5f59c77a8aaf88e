"""Recipe of the maker ``rescale``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from harness.specs.makers.model import SPREAD, Maker

Factor = Annotated[float, Field(gt=0)]


class Rescale(Maker):
    """A checkpoint with weights of other sizes that computes the same: a control for measures of flatness.

    Values of every attention are multiplied by a factor and what reads them is divided by it.
    """

    VARIES: ClassVar[str] = "factor"

    maker: Literal["rescale"]
    start: str = Field(description="checkpoint to rescale")
    factors: Annotated[tuple[Factor, ...], Strict(False), SPREAD, Field(min_length=1)] = Field(
        (0.25, 4.0), description="of the values; powers of two change no bit of what the model says"
    )

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(f"factor={factor:g}" for factor in self.factors)
