"""A text to read and a text to write, as tokens: what a sequence-to-sequence model is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError

Tokens = list[int]


def frame(tokenizer: Any, *, target: bool = False) -> tuple[Tokens, Tokens]:
    """The special tokens that a tokenizer puts before a text, and those it puts after.

    ``target``: of a text that is written and not read, where the tokenizer tells them apart.

    Raises:
        HarnessError: it does something else to a text when it adds special tokens.
    """
    text = "text_target" if target else "text"
    bare = list(tokenizer(**{text: "a"}, add_special_tokens=False, return_attention_mask=False)["input_ids"])
    whole = list(tokenizer(**{text: "a"}, return_attention_mask=False)["input_ids"])
    for first in range(len(whole) - len(bare) + 1):
        if whole[first : first + len(bare)] == bare:
            return whole[:first], whole[first + len(bare) :]
    raise HarnessError(
        f"the tokenizer gives {whole} with special tokens and {bare} without; expected the same tokens between them"
    )


def decoder_start(model: Any, tokenizer: Any, *, target: bool = False) -> int:
    """The token that the decoder reads first: what the model itself puts before the labels of a text.

    Padding for T5, the end of text for BART, the token of the language for mBART, which stands at the end of a text;
    with ``target`` the language is that of a text that is written.

    Raises:
        HarnessError: the config does not say.
    """
    ending = frame(tokenizer, target=target)[1] or [tokenizer.eos_token_id or 0]
    shift = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    try:
        found = model.config.decoder_start_token_id if shift is None else shift(torch.tensor([ending]))[0, 0]
        return int(found)
    except (TypeError, ValueError) as error:
        raise HarnessError(
            "the config names no decoder_start_token_id, so it is not known what the decoder reads first; "
            "add it to config.json (T5 begins with its padding token, BART with its end of text)"
        ) from error


def scored_pair(
    source: Tokens, target: Tokens, start: int, *, cluster: int, key: int | str,
    scored: Sequence[bool] | None = None, length_in_bytes: int = 0,
) -> ScoredSequence:  # fmt: skip
    """A pair to score: the encoder reads the source, and the decoder says the target, each token given those before.

    Args:
        source: tokens of the text to read, special ones included.
        target: tokens of the text to write, special ones included.
        start: what the decoder reads first (see ``decoder_start``).
        cluster: the document the pair belongs to.
        key: a name that never changes.
        scored: which tokens of the target count; all by default.
        length_in_bytes: UTF-8 bytes of the text that counts.

    >>> pair = scored_pair([7, 8], [5, 6, 1], 0, cluster=0, key=0, scored=[True, True, False])
    >>> pair.ids.tolist(), pair.labels.tolist()
    ([0, 5, 6, 1], [-100, 5, 6, -100])
    """
    counts = [True] * len(target) if scored is None else scored
    labels = [token if count else UNSCORED for token, count in zip(target, counts, strict=True)]
    return ScoredSequence(
        ids=torch.tensor([start, *target]), labels=torch.tensor([UNSCORED, *labels]), cluster=cluster, key=key,
        bytes=length_in_bytes, source=torch.tensor(source),
    )  # fmt: skip
