"""Translations of a teacher, written down as they come, so that a killed run goes on after the last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.checkpoints import Resolved
from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.makers.pair_batches import told_of
from harness.measures.translation.decoding import decode
from harness.measures.translation.encoded import encoded_for_encoder, text_of
from harness.progress import progress
from harness.results.signature import digest
from harness.specs import Decoding, Distill

TOGETHER = 2000
"""Sources translated between two writes: enough to sort by length."""
TOKEN_BUDGET = 4096


@dataclass(frozen=True, slots=True)
class Said:
    """What a teacher made of one source."""

    text: str
    finished: bool


def teacher_translations(
    teacher: Resolved, loaded: tuple[Any, Any], pairs: Sequence[Pair], recipe: Distill, kept: Path
) -> list[Said]:
    """The teacher's translations of all sources, in order; those that ``kept`` holds are not made again.

    Raises:
        HarnessError: the file cannot be written.
    """
    made_of = digest({
        "teacher": teacher.identity, "decoding": recipe.decoding.definition(),
        "languages": None if recipe.languages is None else recipe.languages.definition(),
        "sources": digest([pair.source for pair in pairs]),
    })  # fmt: skip
    said = read(kept, made_of)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not said:
            kept.write_text(json.dumps({"made_of": made_of}) + "\n", encoding="utf-8")
        with kept.open("a", encoding="utf-8") as file, progress(f"{teacher.name}  translating", len(pairs)) as advance:
            advance(len(said))
            while len(said) < len(pairs):
                more = translations(teacher, loaded, pairs[len(said) : len(said) + TOGETHER], recipe)
                file.write("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in more))
                file.flush()
                said += more
                advance(len(more))
    except OSError as error:
        raise HarnessError(f"{kept} cannot be written: {error.strerror or error}; make room and run again") from None
    return said


def read(kept: Path, made_of: str) -> list[Said]:
    """What stands there of the same teacher and sources; a line torn by a kill, and what follows it, is cut off."""
    if not kept.is_file():
        return []
    found: list[Said] = []
    with kept.open(encoding="utf-8", newline="\n") as file:  # a text may hold other marks that end a line
        lines = file.readlines()
    try:
        if json.loads(lines[0]).get("made_of") != made_of:
            return []
        for line in lines[1:]:
            if not line.endswith("\n"):
                break
            found.append(Said(**json.loads(line)))
    except (ValueError, TypeError, IndexError, AttributeError):
        if not found:
            return []
    kept.write_text("".join(lines[: len(found) + 1]), encoding="utf-8")
    return found


def translations(
    teacher: Resolved, loaded: tuple[Any, Any], pairs: Sequence[Pair], recipe: Distill
) -> list[Said]:  # fmt: skip
    """The teacher's translations of some sources."""
    model, tokenizer = loaded
    spoken = told_of(recipe.languages, teacher, tokenizer)
    encoded = encoded_for_encoder(model, tokenizer, pairs, spoken, teacher.context)
    longest = min(recipe.decoding.maximum_length, teacher.context - 1)
    decoding = Decoding(**recipe.decoding.model_dump() | {"maximum_length": longest})
    found = decode(
        model, encoded.sources, decoding, start=encoded.start, end=encoded.ends, token_budget=TOKEN_BUDGET
    )  # fmt: skip
    return [Said(text_of(tokenizer, hypothesis.tokens), hypothesis.finished) for hypothesis in found]
