"""Recipe of the maker ``distill``: a student learns to translate as a teacher does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.specs.decoding import Decoding
from harness.specs.makers.pretrain import Pretrain

BEAMS_OF_A_TEACHER = 5


class Distill(Pretrain):
    """A student trained from scratch, or on from ``start``, on what a teacher makes of the sources of ``pairs``."""

    maker: Literal["distill"]  # type: ignore[assignment]
    objective: Literal["translation"] = "translation"
    teacher: str = Field(description="a translation model: a checkpoint, or a member of another family of the suite")
    level: Literal["sequence", "word"] = Field(
        "sequence",
        description="sequence: the teacher translates the sources, and the student learns its translations. word: the student "
        "learns the teacher's distribution at every token of the translations given",
    )
    decoding: Decoding = Field(
        Decoding(beams=BEAMS_OF_A_TEACHER), description="sequence: how the teacher translates"
    )  # fmt: skip
    with_gold: bool = Field(False, description="sequence: the translations given are learned too, beside the teacher's")
    gold_weight: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="word: weight of the cross-entropy of the translations given; the teacher's has the rest"
    )
    temperature: Annotated[float, Field(gt=0)] = Field(
        1.0, description="word: what both models' logits are divided by for the teacher's part"
    )

    @model_validator(mode="after")
    def settings_of_the_level(self) -> Distill:
        """Settings of the other level would say nothing."""
        of_the_other = {"sequence": ("gold_weight", "temperature"), "word": ("decoding", "with_gold")}[self.level]
        for name in of_the_other:
            if name in self.model_fields_set:
                raise ValueError(f"{name} is not for level: {self.level}; leave it out, or take the other level")
        return self

    def parents(self) -> tuple[str, ...]:
        """What the student goes on from, whose size it has, and the teacher."""
        return (*super().parents(), self.teacher)
