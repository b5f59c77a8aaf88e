"""Pseudo-log-likelihoods of continuations under a masked model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.data.windows import MaskVocabulary
from harness.errors import HarnessError
from harness.measures.cross_entropy import sequence_losses
from harness.measures.likelihood.encoding import Encoded


def masked_likelihoods(
    model: Any, tokenizer: Any, asked: Sequence[Sequence[Encoded]], *, window: int, token_budget: int,
    advance: Callable[[int], None] = lambda tokens: None,
) -> list[list[float]]:  # fmt: skip
    """Sum of ``log p(token | all other tokens)`` over a continuation, in nats, for each choice of each question.

    Each token of the continuation is masked alone, within the whole text between its special tokens. Salazar et al.,
    Masked Language Model Scoring (2020), with the sum over the continuation in place of the sentence.

    Args:
        model: a masked model.
        tokenizer: its tokenizer.
        asked: tokens of the choices of each question.
        window: tokens the model reads at most, special tokens included; contexts are cut at the left.
        token_budget: tokens of a batch.
        advance: told the tokens of each finished batch.

    Raises:
        HarnessError: a continuation that does not fit the window, no mask token, or a loss that is not finite.
    """
    vocabulary = MaskVocabulary.of(tokenizer)
    flat = [choice for choices in asked for choice in choices]
    sequences = [s for number, choice in enumerate(flat) for s in each_masked(choice, number, vocabulary, window)]
    losses = sequence_losses(model, sequences, causal=False, token_budget=token_budget, advance=advance)
    nats = iter((-np.bincount([s.cluster for s in sequences], losses, len(flat))).tolist())
    return [[next(nats) for _ in choices] for choices in asked]


def each_masked(choice: Encoded, number: int, vocabulary: MaskVocabulary, window: int) -> Iterator[ScoredSequence]:
    """One sequence for each token of the continuation, that token masked."""
    head = [vocabulary.cls] if vocabulary.cls is not None else []
    tail = [vocabulary.sep] if vocabulary.sep is not None else []
    room = window - len(head) - len(tail)
    if len(choice.continuation) > room:
        raise HarnessError(
            f"a continuation of {len(choice.continuation)} tokens does not fit the window of {window}, special tokens included"
        )
    text = (choice.context + choice.continuation)[-room:]
    whole = torch.tensor([*head, *text, *tail])
    first = len(head) + len(text) - len(choice.continuation)
    for place in range(first, first + len(choice.continuation)):
        labels = torch.full_like(whole, UNSCORED)
        labels[place] = whole[place]
        ids = whole.clone()
        ids[place] = vocabulary.mask
        yield ScoredSequence(ids=ids, labels=labels, cluster=number, key=f"{number}:{place}")
