"""A padding token for models that were trained without one."""

from __future__ import annotations

from typing import Any

from harness.errors import HarnessError


def give_pad_token(tokenizer: Any, config: Any, checkpoint: str) -> None:
    """Give tokenizer and config one padding token: the tokenizer's own, else its end-of-text, else its unknown token.

    Raises:
        HarnessError: the tokenizer has none of them.
    """
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token is None:
        raise HarnessError(
            f"the tokenizer of {checkpoint} has no padding, end-of-text or unknown token, so texts cannot be batched; "
            "set pad_token in its tokenizer_config.json"
        )
    config.pad_token_id = tokenizer.pad_token_id
