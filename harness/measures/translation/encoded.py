"""Sources and references as the tokens that one model reads and should write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.data.pairs import decoder_start, frame
from harness.data.parallel import Pair
from harness.errors import HarnessError
from harness.measures.translation.languages import Told, speaking

Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Pairs of one task as tokens.

    Attributes:
        sources: what the encoder reads, special tokens included; of a causal model the prompts.
        start: what the decoder reads first; empty for a causal model.
        ends: tokens that end a translation.
        targets: of each reference the tokens that are scored, its end included.
        target_bytes: UTF-8 bytes of the text of those.
        cut_sources: how many sources were cut at the right.
        cut_targets: how many references were, for the cross-entropy.
    """

    sources: list[Tokens]
    start: Tokens
    ends: Tokens
    targets: list[Tokens]
    target_bytes: list[int]
    cut_sources: int
    cut_targets: int


def ids_of(tokenizer: Any, texts: Sequence[str], *, target: bool = False) -> list[Tokens]:
    """Tokens of texts without special tokens; ``target``: of texts that are written and not read."""
    text = "text_target" if target else "text"
    coded = tokenizer(**{text: list(texts)}, add_special_tokens=False, return_attention_mask=False, verbose=False)
    return [list(tokens) for tokens in coded["input_ids"]]


def encoded_for_encoder(model: Any, tokenizer: Any, pairs: Sequence[Pair], told: Told, window: int) -> Encoded:
    """Pairs for an encoder and a decoder, each of which reads ``window`` tokens at most.

    Raises:
        HarnessError: the tokenizer has no end of text, or the config no start.
    """
    with speaking(tokenizer, told):
        before, after = frame(tokenizer)
        read = ids_of(tokenizer, [told.prefix + pair.source for pair in pairs])
        begin, end = frame(tokenizer, target=True)
        written = ids_of(tokenizer, [pair.target for pair in pairs], target=True)
        start = [decoder_start(model, tokenizer, target=True), *begin]
    if told.token is not None:
        before = [tokenizer.convert_tokens_to_ids(told.token), *before]
    ending = end[0] if end else end_of_text(model, tokenizer)
    room, room_to_write = window - len(before) - len(after), window - len(start)
    return Encoded(
        sources=[before + tokens[:room] + after for tokens in read],
        start=start,
        ends=[ending],
        targets=[within(tokens, ending, room_to_write) for tokens in written],
        target_bytes=[
            scored_bytes(tokenizer, pair.target, tokens, room_to_write)
            for pair, tokens in zip(pairs, written, strict=True)
        ],
        cut_sources=sum(len(tokens) > room for tokens in read),
        cut_targets=sum(len(tokens) > room_to_write for tokens in written),
    )


def within(tokens: Tokens, end: int, room: int) -> Tokens:
    """A reference and its end; where it does not fit, as much as does, without an end.

    >>> within([5, 6], 1, 2), within([5, 6, 7], 1, 2)
    ([5, 6, 1], [5, 6])
    """
    return [*tokens, end] if len(tokens) <= room else tokens[:room]


def scored_bytes(tokenizer: Any, text: str, tokens: Tokens, room: int) -> int:
    """UTF-8 bytes of the text of the scored tokens of a reference."""
    return len((text if len(tokens) <= room else text_of(tokenizer, tokens[:room])).encode())


def text_of(tokenizer: Any, tokens: Tokens) -> str:
    """The text that tokens stand for, without special tokens and white space around it."""
    return str(tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()


def end_of_text(model: Any, tokenizer: Any) -> int:
    """The token that ends a text, where the tokenizer writes none after one.

    Raises:
        HarnessError: there is none.
    """
    found = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else model.config.eos_token_id
    if isinstance(found, list):
        found = found[0] if found else None
    if found is None:
        raise HarnessError(
            "neither tokenizer nor config names a token that ends a text, so that no translation would; "
            "add eos_token to tokenizer_config.json"
        )
    return int(found)
