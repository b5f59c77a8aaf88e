"""Skills: labelled sentences that are made from any raw text, after Conneau et al. (2018), without a parser.

Classes are equally frequent, sentences of different splits differ, and the same text and seed give the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from harness.data.skills import (
    bigram_shift,
    capital_marking,
    number_marking,
    odd_word_out,
    sentence_length,
    word_content,
)
from harness.data.skills.example import balanced
from harness.data.skills.sentences import sentences_of
from harness.errors import HarnessError
from harness.specs import Skill

SKILLS: dict[str, ModuleType] = {
    "sentence_length": sentence_length,
    "word_content": word_content,
    "bigram_shift": bigram_shift,
    "odd_word_out": odd_word_out,
    "capital_marking": capital_marking,
    "number_marking": number_marking,
}
SENTENCES_VERSION = 1
"""Raised by a change of how sentences, splits or balanced classes are made."""


def skill_version(skill: Skill) -> str:
    """The generator and its version, which stand beside the revision of the text."""
    return f"{skill.name}/{SENTENCES_VERSION}.{SKILLS[skill.name].VERSION}"


def skill_rows(texts: Sequence[Any], skill: Skill, split: str) -> dict[str, list[Any]]:
    """Columns ``text`` and ``label`` of a split.

    Raises:
        HarnessError: the column holds no text, or too little of it.
    """
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise HarnessError(f"skill {skill.name}: column {skill.column!r} holds {wrong!r}; name a column of text")
    sentences = sentences_of(tuple(texts), skill.shortest, skill.longest, skill.seed)
    rows = balanced(SKILLS[skill.name].examples(sentences, skill), skill, split)
    return {"text": [row.text for row in rows], "label": [row.label for row in rows]}


__all__ = ["SKILLS", "skill_rows", "skill_version"]
