"""What models of a family want to be told of the languages: codes, a token before the source, a prefix, or nothing.

mBART, M2M100 and NLLB read a code with the source and begin the translation with another. A Marian of several target
languages reads a token such as ``>>deu<<`` before the source, and T5 says in its config what stands before a source in
words. All other models know their languages by training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.measures.translation.language_codes import find_code, language_of
from harness.specs import Languages

if TYPE_CHECKING:
    from harness.checkpoints import Resolved

CODE = re.compile(r"^(?:__)?([a-z]{2,3}(?:_[A-Za-z]{2,4})?)(?:__)?$")
TARGET_TOKEN = re.compile(r"^>>(.+)<<$")


@dataclass(frozen=True, slots=True)
class Told:
    """What a model is told.

    Attributes:
        source_code: the tokenizer's code of the source language; None where it has none.
        target_code: of the target language.
        token: what stands before the source as one token.
        prefix: what stands before the source as text.
    """

    source_code: str | None = None
    target_code: str | None = None
    token: str | None = None
    prefix: str = ""

    def policy(self) -> dict[str, str]:
        """What there is, for the signature."""
        named = {"source_language": self.source_code, "target_language": self.target_code, "token": self.token}
        return {name: value for name, value in {**named, "prefix": self.prefix or None}.items() if value is not None}


_told: dict[tuple[Any, ...], Told] = {}


def told(checkpoint: Resolved, languages: Languages) -> Told:
    """What a checkpoint that translates with an encoder wants to be told; found once.

    Raises:
        HarnessError: its tokenizer has languages, and not these.
    """
    asked = (checkpoint.identity, checkpoint.tokenizer, languages)
    if asked not in _told:
        _told[asked] = told_by(*config_and_tokenizer(checkpoint), languages)
    return _told[asked]


def config_and_tokenizer(checkpoint: Resolved) -> tuple[Any, Any]:
    """The config and the tokenizer of a checkpoint, without its weights."""
    from harness.checkpoints import load_tokenizer
    from harness.checkpoints.config import load_config

    if checkpoint.memory is not None:
        return checkpoint.memory[0].config, checkpoint.memory[1]
    whole = checkpoint.whole
    config = load_config(Path(whole.folder), whole.name, remote_code=whole.remote_code)
    return config, load_tokenizer(checkpoint.folder, checkpoint.name, remote_code=checkpoint.remote_code)


def told_by(config: Any, tokenizer: Any, languages: Languages) -> Told:
    """What a model wants to be told.

    Raises:
        HarnessError: the tokenizer has languages, and not these.
    """
    codes = language_codes(tokenizer)
    if codes:
        return Told(
            source_code=find_code(languages.source, codes, languages.source_names),
            target_code=find_code(languages.target, codes, languages.target_names),
        )
    targets = target_tokens(tokenizer)
    if targets:
        return Told(token=f">>{find_code(languages.target, targets, languages.target_names)}<<")
    return Told(prefix=task_prefix(config, languages))


def language_codes(tokenizer: Any) -> list[str]:
    """The codes of a tokenizer that writes the language with a text; empty where it writes none."""
    if not hasattr(tokenizer, "src_lang"):
        return []
    known = getattr(tokenizer, "lang_code_to_id", None) or tokenizer.all_special_tokens
    return sorted({found[1] for name in known if (found := CODE.match(str(name)))})


def target_tokens(tokenizer: Any) -> list[str]:
    """Target languages that are told by a token before the source."""
    return sorted(found[1] for name in tokenizer.get_vocab() if (found := TARGET_TOKEN.match(name)))


def task_prefix(config: Any, languages: Languages) -> str:
    """What the config says stands before a source of these languages; empty where it says nothing."""
    settings = getattr(config, "task_specific_params", None) or {}
    for source in language_of(languages.source).codes:
        for target in language_of(languages.target).codes:
            found = settings.get(f"translation_{source}_to_{target}", {}).get("prefix")
            if found:
                return str(found)
    return ""


@contextmanager
def speaking(tokenizer: Any, told: Told) -> Iterator[None]:
    """Let a tokenizer write texts of these languages; afterwards it writes those it wrote before."""
    if told.source_code is None:
        yield
        return
    before = tokenizer.src_lang, tokenizer.tgt_lang
    tokenizer.src_lang, tokenizer.tgt_lang = told.source_code, told.target_code
    try:
        yield
    finally:
        tokenizer.src_lang, tokenizer.tgt_lang = before
