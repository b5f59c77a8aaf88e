"""Context and continuation as tokens, the way lm-eval takes them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.data.windows import begin_token
from harness.errors import HarnessError

Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of one choice: those that are given, and those that are scored, at least one.

    Without special tokens, except around the context of ``encode_apart``.
    """

    context: Tokens
    continuation: Tokens


def spaces_moved(context: str, continuation: str) -> tuple[str, str]:
    """White space at the end of a context belongs to the word after it.

    >>> spaces_moved("Answer: ", "yes")
    ('Answer:', ' yes')
    """
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def encode(tokenizer: Any, pairs: Iterable[tuple[str, str]]) -> list[Encoded]:
    """Tokens of (context, continuation) pairs.

    The whole text is encoded at once and begins with the tokens of the context alone; those after that many are scored,
    since a tokenizer may join letters across the border. These are the rules of lm-eval 0.4.13 (``_encode_pair``), so
    that likelihoods can be compared.

    Raises:
        HarnessError: a continuation without a token.
    """
    moved = [spaces_moved(*pair) for pair in pairs]
    contexts = ids_of(tokenizer, [context for context, _ in moved])
    wholes = ids_of(tokenizer, [context + continuation for context, continuation in moved])
    found = []
    for (context, continuation), given, whole in zip(moved, contexts, wholes, strict=True):
        scored = whole[len(given) :]
        if not scored:
            raise HarnessError(
                f"the continuation {continuation!r} has no token of its own after {context[-40:]!r}; give another delimiter"
            )
        found.append(Encoded(given, scored))
    return found


def encode_apart(tokenizer: Any, pairs: Iterable[tuple[str, str]]) -> list[Encoded]:
    """Tokens of (context, continuation) pairs for an encoder and a decoder, which read one each.

    A context has the special tokens that the tokenizer gives a text, a continuation none, not even an end. An empty
    context is BOS, else EOS, alone. These too are the rules of lm-eval 0.4.13.

    Raises:
        HarnessError: a continuation without a token.
    """
    given = list(pairs)
    moved = [spaces_moved(*pair) for pair in given]
    contexts = ids_of(tokenizer, [context for context, _ in moved], special=True)
    continuations = ids_of(tokenizer, [continuation for _, continuation in moved])
    for (_, continuation), tokens in zip(moved, continuations, strict=True):
        if not tokens:
            raise HarnessError(f"the continuation {continuation!r} has no token")
    return [
        Encoded((context if before else []) or [only_begin(tokenizer)], continuation)
        for (before, _), context, continuation in zip(given, contexts, continuations, strict=True)
    ]


def ids_of(tokenizer: Any, texts: Sequence[str], *, special: bool = False) -> list[Tokens]:
    """Tokens of texts, with the tokenizer's special tokens or without; equal texts are encoded once."""
    different = list(dict.fromkeys(texts))
    coded = tokenizer(different, add_special_tokens=special, return_attention_mask=False, verbose=False)["input_ids"]
    by_text = dict(zip(different, coded, strict=True))
    return [list(by_text[text]) for text in texts]


def beginning(tokenizer: Any, bos: str) -> Tokens:
    """Special tokens that stand before every context.

    Args:
        tokenizer: of a causal model.
        bos: "tokenizer" begins as the tokenizer does by itself, "always" with BOS, else EOS, "none" with the context.
    """
    if bos == "none":
        return []
    if bos == "always":
        token = begin_token(tokenizer, "auto")
        return [] if token is None else [token]
    special = set(tokenizer.all_special_ids)
    leading = []
    for token in tokenizer("a", return_attention_mask=False)["input_ids"]:
        if token not in special:
            break
        leading.append(token)
    return leading


def only_begin(tokenizer: Any) -> int:
    """The token that stands for an empty context.

    Raises:
        HarnessError: the tokenizer has neither BOS nor EOS.
    """
    token = begin_token(tokenizer, "auto")
    if token is None:
        raise HarnessError("an empty context needs a token to begin with; the tokenizer has neither BOS nor EOS")
    return token
