"""Documents cut into the windows a model reads, with the positions that are scored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError
from harness.specs import Loss

if TYPE_CHECKING:
    from harness.data.documents import Document

Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Tokenised:
    """One document as tokens, with where each stands in the text: (first, last + 1) in characters."""

    text: str
    ids: Tokens
    offsets: list[tuple[int, int]]


def tokenise(tokenizer: Any, documents: Sequence[Document]) -> list[Tokenised]:
    """Tokens of each document without special tokens.

    Raises:
        HarnessError: no document holds a token.
    """
    texts = [document.text for document in documents]
    fast = getattr(tokenizer, "is_fast", False)
    coded = tokenizer(
        texts, add_special_tokens=False, return_offsets_mapping=fast, return_attention_mask=False, verbose=False
    )
    offsets = coded["offset_mapping"] if fast else [[(0, 0)] * len(ids) for ids in coded["input_ids"]]
    tokenised = [
        Tokenised(text, ids, spans) for text, ids, spans in zip(texts, coded["input_ids"], offsets, strict=True)
    ]
    if not any(document.ids for document in tokenised):
        raise HarnessError(f"the text has no tokens: {len(texts)} documents, all empty to this tokenizer")
    return tokenised


def begin_token(tokenizer: Any, policy: str) -> int | None:
    """The token each document begins with: BOS, else EOS, once; None by policy or where there is neither."""
    if policy == "none":
        return None
    return tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id


def causal_windows(
    document: Tokenised, cluster: int, begin: int | None, window: int, stride: int
) -> Iterator[ScoredSequence]:
    """Windows of a causal model: each token is scored once, given up to ``window`` tokens before it.

    The first window scores up to ``window`` tokens, each later one the next ``stride``; the last is filled up with
    context to its left, as in lm-eval's rolling log-likelihood. ``ids`` has one token more than the model reads: the
    last is a target only.
    """
    full = ([begin] if begin is not None else []) + document.ids
    shift = 1 if begin is not None else 0
    targets, scored = len(full) - 1, 0
    while scored < targets:
        end = min(scored + (window if scored == 0 else stride), targets)
        start = max(0, end - window)
        labels = torch.tensor(full[start : end + 1])
        labels[: scored + 1 - start] = UNSCORED
        spans = document.offsets[scored + 1 - shift : end + 1 - shift]
        yield ScoredSequence(
            ids=torch.tensor(full[start : end + 1]), labels=labels, cluster=cluster, key=f"{cluster}:{scored}",
            bytes=byte_length(document.text, spans),
        )  # fmt: skip
        scored = end


def byte_length(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """UTF-8 bytes of the text from the first span to the last.

    >>> byte_length("naïve text", [(0, 5), (5, 10)])
    11
    """
    if not spans:
        return 0
    return len(text[spans[0][0] : max(last for _, last in spans)].encode())


@dataclass(frozen=True, slots=True)
class MaskVocabulary:
    """The special tokens of a masked model and the tokens a mask may be replaced by."""

    mask: int
    cls: int | None
    sep: int | None
    ordinary: np.ndarray

    @classmethod
    def of(cls, tokenizer: Any) -> MaskVocabulary:
        """Read off a tokenizer.

        Raises:
            HarnessError: it has no mask token.
        """
        if tokenizer.mask_token_id is None:
            raise HarnessError(
                f"the tokenizer of {tokenizer.name_or_path!r} has no mask token; a masked loss needs one"
            )
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), np.array(sorted(tokenizer.all_special_ids), dtype=int))
        return cls(tokenizer.mask_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, ordinary)


def masked_windows(
    document: Tokenised, cluster: int, vocabulary: MaskVocabulary, window: int, loss: Loss
) -> Iterator[ScoredSequence]:
    """Windows of a masked model; which tokens are masked is fixed by a hash of the window and the mask seed."""
    special = (vocabulary.cls is not None) + (vocabulary.sep is not None)
    size = window - special
    for start in range(0, len(document.ids), size):
        chunk, spans = document.ids[start : start + size], document.offsets[start : start + size]
        if loss.pseudo_log_likelihood:
            chosen: list[np.ndarray] = [np.array([place]) for place in range(len(chunk))]
        elif loss.mask_unit == "word":
            chosen = [masked_words(document.text, spans, loss)]
        else:
            chosen = [masked_tokens(chunk, loss)]
        for number, places in enumerate(chosen):
            if len(places):
                key = f"{cluster}:{start}:{number}" if loss.pseudo_log_likelihood else f"{cluster}:{start}"
                yield _with_masks(document, chunk, spans, places, vocabulary, loss, cluster, key)


def _with_masks(
    document: Tokenised, chunk: Tokens, spans: Sequence[tuple[int, int]], places: np.ndarray,
    vocabulary: MaskVocabulary, loss: Loss, cluster: int, key: str,
) -> ScoredSequence:  # fmt: skip
    ids, labels = np.array(chunk), np.full(len(chunk), UNSCORED)
    labels[places] = ids[places]
    if loss.pseudo_log_likelihood:
        ids[places] = vocabulary.mask
    else:
        random = generator(b"replace", np.array(chunk).tobytes(), loss.mask_seed)
        ids[places] = corrupted(ids[places], vocabulary, random)
    head = [vocabulary.cls] if vocabulary.cls is not None else []
    tail = [vocabulary.sep] if vocabulary.sep is not None else []
    scored_bytes = sum(byte_length(document.text, [spans[place]]) for place in places)
    return ScoredSequence(
        ids=torch.tensor([*head, *ids.tolist(), *tail]),
        labels=torch.tensor([UNSCORED] * len(head) + labels.tolist() + [UNSCORED] * len(tail)),
        cluster=cluster, key=key, bytes=scored_bytes,
    )  # fmt: skip


def corrupted(tokens: np.ndarray, vocabulary: MaskVocabulary, random: np.random.Generator) -> np.ndarray:
    """80 % become the mask, 10 % a random ordinary token, 10 % stay (Devlin et al. 2019, section 3.1)."""
    draw = random.random(len(tokens))
    replaced = random.choice(vocabulary.ordinary, len(tokens))
    return np.where(draw < 0.8, vocabulary.mask, np.where(draw < 0.9, replaced, tokens))


def masked_tokens(chunk: Tokens, loss: Loss) -> np.ndarray:
    """Positions to mask: the rate of the window, at least one."""
    count = max(1, round(loss.mask_rate * len(chunk)))
    random = generator(b"choose", np.array(chunk).tobytes(), loss.mask_seed)
    return np.sort(random.permutation(len(chunk))[:count])


def masked_words(text: str, spans: Sequence[tuple[int, int]], loss: Loss) -> np.ndarray:
    """Positions of all tokens of the words whose hash falls under the rate, whatever the tokenizer."""
    chosen, threshold = [], int(loss.mask_rate * 2**64)
    for place, (first, last) in enumerate(spans):
        start, end = word_around(text, first, last)
        word = f"{start}\x1f{text[start:end]}\x1f{loss.mask_seed}".encode()
        if end > start and int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "big") < threshold:
            chosen.append(place)
    return np.array(chosen, dtype=int)


def word_around(text: str, first: int, last: int) -> tuple[int, int]:
    """The word, between spaces, that holds a token.

    >>> word_around("one two three", 5, 6)
    (4, 7)
    """
    while first < last and text[first].isspace():
        first += 1
    start = first
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    end = first
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end


def generator(purpose: bytes, content: bytes, seed: int) -> np.random.Generator:
    """Random numbers that depend on content and seed alone."""
    total = hashlib.blake2b(purpose + seed.to_bytes(8, "big", signed=True) + content, digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(total, "big")))
