"""Log-likelihoods under a sequence-to-sequence model: the encoder reads the context, the decoder says the continuation.

The choices of a question that have one context share its encoder states, which are worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from harness.data.batches import attention_mask, pad
from harness.data.pairs import decoder_start
from harness.errors import HarnessError
from harness.measures.cross_entropy import without_head
from harness.measures.likelihood.causal import Likelihood, likelihoods_of
from harness.measures.likelihood.encoding import Encoded, Tokens
from harness.measures.likelihood.packing import Scored
from harness.training.heads import Head


@dataclass(frozen=True, slots=True)
class Asked:
    """One choice: its place among all, what the encoder reads, and what the decoder reads and should say."""

    place: int
    context: Tokens
    said: Scored


def seq2seq_likelihoods(
    model: Any, tokenizer: Any, asked: Sequence[Sequence[Encoded]], *, window: int, token_budget: int,
    advance: Callable[[int], None] = lambda tokens: None,
) -> list[list[Likelihood]]:  # fmt: skip
    """Score every choice of every question, as lm-eval 0.4.13 does with its backend ``seq2seq``.

    Args:
        model: a sequence-to-sequence model in eval mode.
        tokenizer: its tokenizer.
        asked: tokens of the choices of each question; contexts with their special tokens, continuations without.
        window: tokens the encoder reads at most; more are cut off at the left. The decoder reads no more either.
        token_budget: tokens of a batch.
        advance: told the tokens of each finished batch.

    Raises:
        HarnessError: a continuation longer than the window, or a likelihood that is not finite.
    """
    start = decoder_start(model, tokenizer)
    flat = [choice for choices in asked for choice in choices]
    choices = [Asked(place, choice.context[-window:], said(choice, start, window)) for place, choice in enumerate(flat)]
    found: list[Likelihood | None] = [None] * len(choices)
    model.eval()
    with torch.inference_mode(), without_head(model, **probe(model, choices)) as head:
        for batch in batches(choices, token_budget):
            for choice, score in zip(batch, likelihoods(model, head, batch), strict=True):
                found[choice.place] = score
            advance(sum(len(c.context) + len(c.said.read) for c in batch))
    if not all(score is not None and np.isfinite(score.nats) for score in found):
        raise HarnessError("a log-likelihood is not finite; the weights or the dtype are at fault")
    scored = iter(found)
    return [[next(scored) for _ in group] for group in asked]  # type: ignore[misc]


def said(choice: Encoded, start: int, window: int) -> Scored:
    """The decoder's part of a choice.

    Raises:
        HarnessError: the continuation does not fit.
    """
    if len(choice.continuation) > window:
        raise HarnessError(f"a continuation of {len(choice.continuation)} tokens does not fit the window of {window}")
    return Scored([start, *choice.continuation[:-1]], choice.continuation)


def batches(choices: Sequence[Asked], budget: int) -> Iterator[list[Asked]]:
    """Choices by the length of their contexts, longest first; padded tokens of a batch within the budget.

    Equal contexts stand side by side.
    """
    batch: list[Asked] = []
    longest = 0
    for choice in sorted(choices, key=lambda c: (-len(c.context), c.context, c.place)):
        longest = max(longest, len(choice.said.read))
        if batch and (len(batch) + 1) * (len(batch[0].context) + longest) > budget:
            yield batch
            batch, longest = [], len(choice.said.read)
        batch.append(choice)
    if batch:
        yield batch


def likelihoods(model: Any, head: Head, batch: Sequence[Asked]) -> list[Likelihood]:
    """All choices of a batch; each context is encoded once."""
    different = {tuple(c.context): number for number, c in enumerate({tuple(c.context): c for c in batch}.values())}
    contexts = [torch.tensor(context) for context in different]
    mask = attention_mask(contexts).to(model.device)
    states = model.get_encoder()(input_ids=pad(contexts, 0).to(model.device), attention_mask=mask).last_hidden_state
    copies = torch.tensor([different[tuple(c.context)] for c in batch], device=model.device)
    decoded = model(
        encoder_outputs=BaseModelOutput(last_hidden_state=states[copies]),
        attention_mask=mask[copies],
        decoder_input_ids=pad([torch.tensor(c.said.read) for c in batch], 0).to(model.device),
        use_cache=False,
    ).logits
    taken = torch.cat([decoded[number, : len(c.said.targets)] for number, c in enumerate(batch)])  # (N, d)
    return likelihoods_of(head, taken, [c.said for c in batch])


def probe(model: Any, choices: Sequence[Asked]) -> dict[str, Any]:
    """A short call of the model."""
    first = min(choices, key=lambda c: len(c.context) + len(c.said.read))
    ids = (first.context[:16], first.said.read[:16])
    context, read = (torch.tensor([tokens], device=model.device) for tokens in ids)
    return {"input_ids": context, "decoder_input_ids": read, "use_cache": False}
