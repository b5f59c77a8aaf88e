"""What a checkpoint's generation config forbids and forces, which decoding heeds: part of the signature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checkpoints.files import GENERATION_CONFIG, read_json

if TYPE_CHECKING:
    from harness.checkpoints import Resolved

HEEDED = (
    "bad_words_ids", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id", "min_length", "min_new_tokens",
    "no_repeat_ngram_size", "renormalize_logits", "repetition_penalty", "sequence_bias", "suppress_tokens",
)  # fmt: skip
NOTHING = {"repetition_penalty": 1}
"""Values that ask for nothing, where they are neither null, zero nor empty."""


def generation_policy(checkpoint: Resolved) -> dict[str, Any]:
    """The options that change what is written, under ``generation``; empty where there are none.

    They are no part of a checkpoint's identity where it is a folder, since no other measurement reads them.
    """
    given = written_in(checkpoint)
    found = {name: given[name] for name in HEEDED if asks(name, given.get(name))}
    return {"generation": found} if found else {}


def written_in(checkpoint: Resolved) -> dict[str, Any]:
    """The generation config of a model in memory, or the file beside its weights."""
    if checkpoint.memory is not None:
        config = getattr(checkpoint.memory[0], "generation_config", None)
        return {} if config is None else dict(config.to_dict())
    path = Path(checkpoint.whole.folder) / GENERATION_CONFIG
    return read_json(path) if path.is_file() else {}


def asks(name: str, value: Any) -> bool:
    """Whether an option changes anything; a forced token may have the number 0.

    >>> asks("forced_eos_token_id", 0), asks("min_length", 0), asks("repetition_penalty", 1.0), asks("bad_words_ids", None)
    (True, False, False, False)
    """
    if name.startswith("forced"):
        return value is not None
    return bool(value) and value != NOTHING.get(name)
