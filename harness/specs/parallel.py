"""Pairs of a text and its translation: how rows become pairs, and pairs to train on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.specs.model import Spec
from harness.specs.task import Data, Positive


class Pairs(Spec):
    """How a row becomes a text to read and its translation."""

    source: str = Field(description="template of the text to read, such as {{ translation.de }}")
    target: str = Field(description="template of its translation, such as {{ translation.en }}")
    where: dict[str, str | int | bool] = Field(
        default_factory=dict, description="rows to take: column -> the value that it has, such as domain: news"
    )
    first: Positive | None = Field(None, description="take the first so many pairs")


class ParallelText(Pairs):
    """Pairs to train on."""

    data: Data
    split: str = "train"
    weight: Annotated[float, Field(gt=0)] | None = Field(
        None, description="share of training pairs drawn from this part, relative to the others; default, by size"
    )
