"""Recipe of the maker ``permute``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.makers.model import Maker, Seeds, WholeNumbers
from harness.specs.makers.reinitialize import Stack
from harness.specs.task import Positive

Order = Annotated[tuple[int, ...], Strict(False), Field(min_length=2)]


class Permute(Maker):
    """A checkpoint whose layers stand in another order (Tamkin et al. 2020).

    An order names, for every place, the layer that stands there afterwards; layers are numbered from 0.
    """

    VARIES: ClassVar[str] = "order of the layers"

    maker: Literal["permute"]
    start: str = Field(description="checkpoint to change")
    seeds: Seeds = Field((1,), description="of random orders, never the one that stands; each is a member")
    starts: WholeNumbers | None = Field(None, description="move layers within windows alone: their first layers")
    width: Positive = Field(3, description="layers of a window")
    permutations: Annotated[tuple[Order, ...], Strict(False)] | None = Field(
        None, description="these orders and no random ones, such as [[1, 0, 2]]"
    )
    stack: Stack = Field(
        "all", description="encoder or decoder: number and move its layers alone; no layer changes stack"
    )

    @model_validator(mode="after")
    def one_way(self) -> Permute:
        """Random orders, windows, or orders given."""
        if self.permutations is not None:
            idle = [name for name in ("seeds", "starts", "width") if name in self.model_fields_set]
            if idle:
                raise ValueError(f"permutations are not random; leave {', '.join(idle)} out")
            for order in self.permutations:
                if sorted(order) != list(range(len(order))):
                    raise ValueError(
                        f"{list(order)} is no order of layers; expected each of 0 to {len(order) - 1} once"
                    )
        elif self.starts is None and "width" in self.model_fields_set:
            raise ValueError("width is of windows; give starts, or leave it out")
        if self.width < 2 or min(self.starts or (0,)) < 0:
            raise ValueError("a window has two layers or more, and starts at 0 or later")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        if self.permutations is not None:
            return tuple(f"order={'+'.join(map(str, order))}" for order in self.permutations)
        windows = [""] if self.starts is None else [f"start={start}/" for start in self.starts]
        return tuple(f"{window}seed={seed}" for seed in self.seeds for window in windows)
