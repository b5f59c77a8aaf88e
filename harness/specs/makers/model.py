"""What all recipes of makers share, and the settings of those that train."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, Strict, model_validator
from pydantic_core import CoreSchema, core_schema

from harness.errors import nearest
from harness.specs.makers.corpus import Corpora
from harness.specs.model import Spec
from harness.specs.shipped import shipped_tasks
from harness.specs.source import read_yaml
from harness.specs.task import Positive

RANGE = re.compile(r"\s*(-?[\d.]+):(-?[\d.]+):(-?[\d.]+)\s*")


def spread(value: Any) -> Any:
    """``first:last:step`` as the list of its numbers, the last one included; one number as a list; all else as it is.

    >>> spread("0.0:0.3:0.1"), spread("1:3:1"), spread(0.5)
    ([0.0, 0.1, 0.2, 0.3], [1, 2, 3], [0.5])
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    found = RANGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    try:
        first, last, step = (Decimal(part) for part in found.groups())
    except ArithmeticError:
        return value
    if step == 0 or (last - first) / step < 0 or (last - first) / step > 10_000:
        raise ValueError(f"{value!r} has no numbers; expected first:last:step, such as 0.0:0.9:0.1")
    numbers = [first + step * n for n in range(int((last - first) / step) + 1)]
    whole = all(number == int(number) for number in numbers) and "." not in str(value)
    return [int(number) if whole else float(number) for number in numbers]


Spread = Annotated[str, Field(pattern=f"^{RANGE.pattern}$", description="first:last:step, the last one included")]
SPREAD = BeforeValidator(spread, json_schema_input_type=list[float] | float | Spread)
WHOLE_SPREAD = BeforeValidator(spread, json_schema_input_type=list[int] | int | Spread)
Numbers = Annotated[tuple[float, ...], Strict(False), SPREAD, Field(min_length=1)]
"""Numbers, or ``first:last:step``."""
WholeNumbers = Annotated[tuple[int, ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)]
"""Whole numbers, or ``first:last:step``."""
Seeds = Annotated[tuple[int, ...], Strict(False), WHOLE_SPREAD, Field(min_length=1)]


M = TypeVar("M", bound="Maker")


def told_apart(recipe: M) -> M:
    """The recipe, whose members have a name each.

    Raises:
        ValueError: two have the same: a value stands twice, or two values are the same in the digits that names have.
    """
    counted = Counter(recipe.members())
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise ValueError(
            f"{counted[twice[0]]} members have the name {twice[0]}; expected a name for each: give every value once, and "
            "values that differ in the digits that names have"
        )
    return recipe


class Maker(Spec):
    """A recipe: one class a maker, whose code is ``harness/makers/NAME.py``.

    ``protocol:`` names a shipped recipe (``tasks/_makers/MAKER/PROTOCOL.yaml``); fields given beside it win.
    """

    VARIES: ClassVar[str] = ""
    """What differs between members, for people: ``sparsity``."""
    NOT_MEASURED: ClassVar[tuple[str, ...]] = ("protocol",)

    maker: str
    protocol: str | None = Field(None, description="a shipped recipe whose fields stand where none are given here")

    @model_validator(mode="before")
    @classmethod
    def with_protocol(cls, value: Any) -> Any:
        """Put the fields of the protocol below those given."""
        if not isinstance(value, Mapping) or not isinstance(value.get("protocol"), str):
            return value
        names = protocols(value.get("maker", ""))
        if value["protocol"] not in names:
            raise ValueError(f"unknown protocol {value['protocol']!r}; {nearest(value['protocol'], names)}")
        path = shipped_tasks() / "_makers" / str(value["maker"]) / f"{value['protocol']}.yaml"
        return {k: v for k, v in read_yaml(path).value.items() if k != "description"} | dict(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Members are told apart once every other check of a recipe, its subclass's too, has passed."""
        schema: dict[str, Any] = {**handler(source)}
        ref = schema.pop("ref", None)  # of the whole, so that a JSON schema names the class
        return core_schema.no_info_after_validator_function(told_apart, cast("CoreSchema", schema), ref=ref)

    def members(self) -> tuple[str, ...]:
        """Names of the checkpoints it makes, in order."""
        raise NotImplementedError

    def parents(self) -> tuple[str, ...]:
        """Checkpoints that the members are made from."""
        start = getattr(self, "start", None)
        return () if start is None else (start,)

    def needs(self) -> tuple[str, ...]:
        """Checkpoints that must stand before the members are made: their parents, and whose tokenizer they have."""
        return self.parents()

    def settings(self, member: str) -> dict[str, Any]:
        """What of a member differs from the others, read from its name: ``seed=1/step=20`` is seed 1, step 20."""
        pairs = (part.partition("=") for part in member.split("/"))
        return {name: number(value) for name, equals, value in pairs if equals}

    def training_tokens(self) -> int:
        """Tokens that all members together are trained on."""
        return 0


def protocols(maker: str) -> list[str]:
    """Shipped recipes of a maker."""
    return sorted(path.stem for path in (shipped_tasks() / "_makers" / maker).glob("*.yaml"))


def number(text: str) -> int | float | str:
    """A number where a text is one.

    >>> number("3"), number("0.5"), number("random")
    (3, 0.5, 'random')
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


Schedule = Literal["linear", "constant", "cosine"]


class Training(Spec):
    """How a maker trains: on sequences of one length, cut from a corpus; AdamW where no optimizer is named."""

    corpus: Corpora = Field((), description="text to train on: lm_loss/NAME (its train split), a file, or a mapping")
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Schedule = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    batch_size: Positive = 32
    length: Positive = Field(128, description="tokens of a training sequence, special tokens included")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: matrix products of the training in it, weights and losses in float32"
    )
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
