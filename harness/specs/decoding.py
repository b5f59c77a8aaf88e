"""How a translation is asked for: between which languages, and by what search."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, Strict, field_validator

from harness.specs.model import Spec
from harness.specs.task import Positive

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


class Decoding(Spec):
    """How a translation is searched for; part of the signature."""

    beams: Positive = Field(1, description="hypotheses kept at every step; 1 is greedy")
    length_penalty: float = Field(1.0, description="the score of a hypothesis is its log-probability / tokens ** this")
    maximum_length: Positive = Field(128, description="tokens of a translation at most, its end included")
