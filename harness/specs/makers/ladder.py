"""Sizes of an architecture: what a ladder of models varies, and the learning rate of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from harness.specs.makers.algorithm import Adversary, Algorithm, Betas, Optimizer, Radius, Share
from harness.specs.makers.model import Schedule, Training, WholeNumbers
from harness.specs.model import Spec
from harness.specs.task import Positive

WIDTHS = ("hidden_size", "n_embd", "d_model")
"""Names that configurations of transformers give the width of the hidden state."""
DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "encoder_layers", "decoder_layers", "num_decoder_layers")
WITH_WIDTH = (
    "num_attention_heads", "n_head", "num_heads", "num_key_value_heads", "encoder_attention_heads", "decoder_attention_heads",
    "intermediate_size", "n_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim",
)  # fmt: skip
"""What grows in proportion to the width: heads keep their size, so there are more of them."""


class Size(Spec):
    """One size of a ladder, or one way of training: what differs from what stands beside it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    architecture: dict[str, Any] = Field(default_factory=dict, description="fields of the configuration that differ")
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(None, description="of this size; default, by the rule")
    schedule: Schedule | None = None
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    clip: Annotated[float, Field(gt=0)] | None = None
    batch_size: Positive | None = None
    optimizer: Optimizer | None = None
    momentum: Share | None = None
    betas: Betas | None = None
    label_smoothing: Share | None = None
    sam: Radius | None = None
    dropout: Share | None = None
    adversary: Adversary | None = None


class Ladder(Algorithm, Training):
    """An architecture, and the sizes of it that are trained."""

    architecture: dict[str, Any] = Field(default_factory=dict, description="model_type and its configuration")
    sizes: Annotated[tuple[Size, ...], Strict(False)] = Field(
        (), description="sizes by name, each a run for every seed"
    )
    widths: WholeNumbers | None = Field(
        None, description="widths of the hidden state; heads keep their size, and a named inner width its proportion"
    )
    depths: WholeNumbers | None = Field(None, description="numbers of layers; with widths: every pair of the two")
    learning_rate_rule: Literal["constant", "inverse_width"] = Field(
        "constant",
        description="inverse_width: learning_rate is that of the width under architecture, and another width has it times "
        "(that width / its own), as muP has for hidden matrices under Adam",
    )

    @model_validator(mode="after")
    def sizes_that_can_be_made(self) -> Ladder:
        """Sizes are told apart by name; widths and depths have an architecture to change."""
        if self.sizes and (self.widths or self.depths):
            raise ValueError("give either sizes or widths and depths, not both")
        names = [size.name for size in self.sizes]
        if len(set(names)) != len(names):
            raise ValueError(f"sizes repeats a name: {names}")
        if self.sizes or self.widths or self.depths or self.learning_rate_rule != "constant":
            for size in self.ladder():
                self.of(size).check_optimizer()
        return self

    def of(self, size: Size) -> Self:
        """The recipe as one size is trained."""
        given = {name: getattr(size, name) for name in Size.model_fields if name != "name"}
        return self.model_copy(update={name: value for name, value in given.items() if value is not None})

    def ladder(self) -> tuple[Size, ...]:
        """Every size with its whole architecture and its learning rate; one without changes where no size is named.

        Raises:
            ValueError: the architecture does not name what is to change.
        """
        changes = self.sizes or tuple(
            Size(name="".join(name for name, _ in pair), architecture={k: v for _, change in pair for k, v in change.items()})
            for pair in self.widths_and_depths()
        )  # fmt: skip
        if not changes:
            return (self.complete(Size(name="own")),)
        return tuple(self.complete(size) for size in changes)

    def widths_and_depths(self) -> list[list[tuple[str, Mapping[str, Any]]]]:
        """Every width with every depth: what it is called and what it changes."""
        wide = [(f"d{width}", widened(self.architecture, width)) for width in self.widths or ()]
        deep = [(f"l{depth}", deepened(self.architecture, depth)) for depth in self.depths or ()]
        if wide and deep:
            return [[one, other] for one in wide for other in deep]
        return [[one] for one in wide or deep]

    def complete(self, size: Size) -> Size:
        """A size with its whole architecture and its learning rate."""
        whole = {**self.architecture, **size.architecture}
        rate = size.learning_rate
        if rate is None and self.learning_rate_rule == "inverse_width":
            rate = self.learning_rate * width_of(self.architecture)[1] / width_of(whole)[1]
        return size.model_copy(update={"architecture": whole, "learning_rate": rate or self.learning_rate})


def width_of(architecture: Mapping[str, Any]) -> tuple[str, int]:
    """What an architecture calls its width, and the width.

    Raises:
        ValueError: it names none.
    """
    for name in WIDTHS:
        if isinstance(architecture.get(name), int):
            return name, architecture[name]
    raise ValueError(
        f"architecture names no width ({', '.join(WIDTHS)}), which widths and inverse_width start from; it has {sorted(architecture)}"
    )


def widened(architecture: Mapping[str, Any], width: int) -> dict[str, Any]:
    """What another width changes.

    >>> widened({"n_embd": 64, "n_head": 2, "n_layer": 3}, 128)
    {'n_embd': 128, 'n_head': 4}

    Raises:
        ValueError: a number that goes with the width would not be whole.
    """
    name, before = width_of(architecture)
    changes = {name: width}
    for other in WITH_WIDTH:
        if not isinstance(architecture.get(other), int):
            continue
        changes[other], rest = divmod(architecture[other] * width, before)
        if rest or not changes[other]:
            raise ValueError(
                f"a width of {width} makes {other} {architecture[other] * width / before:g}, and it must be whole: "
                f"choose widths by which {other}: {architecture[other]} of {name}: {before} grows to a whole number, or name sizes"
            )
    return changes


def deepened(architecture: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """What another number of layers changes.

    Raises:
        ValueError: the architecture names no number of layers.
    """
    named = [name for name in DEPTHS if name in architecture]
    if not named:
        raise ValueError(
            f"architecture names no number of layers ({', '.join(DEPTHS[:3])}), which depths change; it has {sorted(architecture)}"
        )
    return dict.fromkeys(named, depth)
