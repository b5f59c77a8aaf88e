"""Recipe of the maker ``reinitialize``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, Strict, model_validator

from harness.errors import HarnessError
from harness.specs.makers.model import Maker, Seeds, Spread, WholeNumbers, spread
from harness.specs.task import Positive

Mode = Literal["progressive", "block_reinit", "block_preserve", "single", "alternate", "layers"]
Stack = Literal["all", "encoder", "decoder"]
READS: dict[str, str] = {
    "progressive": "layers_kept", "block_reinit": "starts", "block_preserve": "starts", "single": "layers", "layers": "layers",
}  # fmt: skip
"""The field that says which members a mode makes."""


def lists(value: object) -> object:
    """One list of numbers, or a range, as a list of one list; lists of lists as they are."""
    numbers = spread(value)
    if isinstance(numbers, list | tuple) and numbers and all(isinstance(n, int) for n in numbers):
        return [list(numbers)]
    return numbers


Layers = Annotated[
    tuple[Annotated[tuple[int, ...], Strict(False), Field(min_length=1)], ...],
    Strict(False),
    BeforeValidator(lists, json_schema_input_type=list[list[int]] | list[int] | int | Spread),
]


class Reinitialize(Maker):
    """A checkpoint of which some layers are drawn anew (Tamkin et al. 2020); layers are numbered from 0.

    Every matrix of attention and feed-forward part of such a layer is drawn from a normal distribution cut off at two standard
    deviations, anew for every member; embeddings and pooler stay as they are.
    """

    VARIES: ClassVar[str] = "layers drawn anew"

    maker: Literal["reinitialize"]
    start: str = Field(description="checkpoint to change")
    mode: Mode = Field(
        description="progressive: all layers from number layers_kept on; block_reinit: a window of layers; block_preserve: "
        "all but a window; single: one layer each of layers; alternate: the even ones, and the odd ones; layers: lists of layers"
    )
    layers_kept: WholeNumbers | None = Field(
        None, description="progressive: how many first layers stay, such as 0:12:1"
    )
    starts: WholeNumbers | None = Field(None, description="blocks: first layers of the windows, such as 0:9:1")
    width: Positive = Field(3, description="blocks: layers of a window")
    layers: Layers | None = Field(None, description="single: numbers, each a member; layers: lists, each a member")
    stack: Stack = Field("all", description="encoder or decoder: number and change its layers alone")
    standard_deviation: Annotated[float, Field(gt=0)] = 0.02
    layer_norm: Literal["reset", "keep"] = Field(
        "reset", description="reset: as the architecture begins, gain 1 and bias 0"
    )
    biases: Literal["keep", "zero"] = Field("keep", description="of the matrices that are drawn anew")
    embeddings: Literal["keep", "reinitialize"] = Field("keep", description="reinitialize: in every member")
    seeds: Seeds = Field((1,), description="of the weights drawn; each makes all members")

    @model_validator(mode="after")
    def what_the_mode_reads(self) -> Reinitialize:
        """The field that a mode reads is given, and no other; the numbers are possible."""
        needed = READS.get(self.mode)
        for name in ("layers_kept", "starts", "layers"):
            given = getattr(self, name) is not None
            if given != (name == needed):
                raise ValueError(
                    f"mode {self.mode} {'does not read' if given else 'needs'} {name}"
                    + ("; leave it out" if given else "")
                )
        if "width" in self.model_fields_set and needed != "starts":
            raise ValueError(f"mode {self.mode} has no windows; leave width out")
        numbers = [*(self.layers_kept or ()), *(self.starts or ()), *(n for group in self.layers or () for n in group)]
        if any(number < 0 for number in numbers):
            raise ValueError(f"layers are numbered from 0; found {min(numbers)}")
        return self

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        return tuple(f"{knob}/seed={seed}" for seed in self.seeds for knob in self.knobs())

    def knobs(self) -> tuple[str, ...]:
        """What differs between the members of one seed."""
        if self.mode == "progressive":
            return tuple(f"layers_kept={count}" for count in self.layers_kept or ())
        if self.mode == "alternate":
            return ("reinitialized=even", "reinitialized=odd")
        if self.mode == "single":
            return tuple(f"layer={number}" for group in self.layers or () for number in group)
        if self.mode == "layers":
            return tuple(f"layers={'+'.join(map(str, group))}" for group in self.layers or ())
        return tuple(f"start={number}" for number in self.starts or ())

    def reinitialized(self, member: str, count: int) -> tuple[int, ...]:
        """The layers of a member that are drawn anew.

        Args:
            member: its name.
            count: layers of the model.

        Raises:
            HarnessError: the model has too few layers.
        """
        knob, _, value = member.split("/")[0].partition("=")
        if knob == "layers_kept":
            if int(value) > count:
                raise HarnessError(f"layers_kept {value}: {has(count)}; expected 0 to {count}")
            return tuple(range(int(value), count))
        if knob == "reinitialized":
            return tuple(range(0 if value == "even" else 1, count, 2))
        if knob == "start":
            first, last = int(value), int(value) + self.width - 1
            if last >= count:
                raise HarnessError(
                    f"the window from layer {first} ends with layer {last}: {has(count)}; expected starts up to {count - self.width}"
                )
            inside = range(first, last + 1)
            return tuple(n for n in range(count) if (n in inside) == (self.mode == "block_reinit"))
        numbers = [int(number) for number in value.split("+")]
        if max(numbers) >= count:
            raise HarnessError(f"there is no layer {max(numbers)}: {has(count)}")
        return tuple(sorted(set(numbers)))


def has(count: int) -> str:
    """How many layers there are, in words."""
    return f"the model has {count} layers, 0 to {count - 1}"
