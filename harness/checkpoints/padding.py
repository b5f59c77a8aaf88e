"""A padding token for models that were trained without one."""

from __future__ import annotations

from typing import Any

from harness.errors import HarnessError


def give_pad_token(tokenizer: Any, config: Any, checkpoint: str) -> None:
    """Give tokenizer and config one padding token: the tokenizer's own, else its end-of-text, else its unknown token.

    A token that the tokenizer was given later, beyond the model's vocabulary, does not serve.

    Raises:
        HarnessError: the tokenizer has none of them.
    """
    text = config.get_text_config()
    size = getattr(text, "vocab_size", None) or len(tokenizer)
    names = [name for name in (tokenizer.pad_token, tokenizer.eos_token, tokenizer.unk_token) if name]
    known = [name for name in names if 0 <= (tokenizer.convert_tokens_to_ids(name) or 0) < size]
    if not known:
        raise HarnessError(
            f"the tokenizer of {checkpoint} has no padding, end-of-text or unknown token, so texts cannot be batched; "
            "set pad_token in its tokenizer_config.json"
        )
    tokenizer.pad_token = known[0]
    config.pad_token_id = text.pad_token_id = tokenizer.pad_token_id
