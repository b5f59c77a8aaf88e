"""Kind ``translation``: a model writes in one language what it reads in another, and metrics compare it with a reference."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, Strict, field_validator

from harness.specs.model import Spec
from harness.specs.task import Data, Positive, Task

TRANSLATION_METRICS = ("bleu", "chrf", "ter")
"""Metrics a task may name; every measurement has the cross-entropy of the references besides."""
LANGUAGE = re.compile(r"^[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?$")


class Languages(Spec):
    """Languages by their ISO 639 codes, as in ``de`` or ``zh``; a region or script may follow, as in ``pt-BR``."""

    source: str
    target: str
    source_names: Annotated[tuple[str, ...], Strict(False)] = Field(
        (),
        description="what tokenizers call the source language, where that does not follow from its code: zho_Hant, zh_TW",
    )
    target_names: Annotated[tuple[str, ...], Strict(False)] = Field(
        (), description="likewise of the target language; the first that a tokenizer has is taken"
    )

    @field_validator("source", "target")
    @classmethod
    def looks_like_a_code(cls, value: str) -> str:
        """Refuse what is no code, such as the name of a language."""
        if not LANGUAGE.match(value):
            raise ValueError(f"found {value!r}; expected an ISO 639 code such as de, zh or pt-BR")
        return value


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


class Decoding(Spec):
    """How a translation is searched for; part of the signature."""

    beams: Positive = Field(1, description="hypotheses kept at every step; 1 is greedy")
    length_penalty: float = Field(1.0, description="the score of a hypothesis is its log-probability / tokens ** this")
    maximum_length: Positive = Field(128, description="tokens of a translation at most, its end included")


class TranslationTask(Pairs, Task):
    """Translation of the scored split."""

    kind: Literal["translation"]
    languages: Languages
    metrics: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)] = ("bleu", "chrf")
    decoding: Decoding = Decoding()
    prompt: str | None = Field(
        None,
        description="causal models: a template over source and the names of the languages (source_language, "
        "target_language), after which the translation is written up to the end of its line",
    )
