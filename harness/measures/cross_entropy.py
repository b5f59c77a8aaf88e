"""Cross-entropy of scored tokens, in nats, without a table of tokens x vocabulary.

The last linear layer is taken off the model for the forward pass, so that it returns the hidden states it would have
multiplied; logits are then formed for the scored positions alone, a chunk at a time, and their loss taken in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.data.batches import attention_mask, by_token_budget, pad
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError
from harness.training.heads import Head, head_off

CHUNK_ELEMENTS = 2**22
"""Logits held at once; with their log-softmax 32 MB, which most caches take."""


def sequence_losses(
    model: Any, sequences: Sequence[ScoredSequence], *, causal: bool, token_budget: int,
    advance: Callable[[int], None] = lambda tokens: None,
) -> np.ndarray:  # fmt: skip
    """Summed loss of each sequence: float64 ``(S,)``, nats.

    ``causal``: a position predicts the next token, as in a causal model and in the decoder of a pair. ``advance`` is
    told the tokens of each finished batch.

    Raises:
        HarnessError: a loss is not finite.
    """
    losses = np.zeros(len(sequences))
    trim = 1 if causal else 0
    batches = by_token_budget([s.length - trim for s in sequences], token_budget)
    model.eval()
    with torch.inference_mode(), without_head(model, **probe(model, sequences, trim)) as head:
        for batch in batches:
            chosen = [sequences[index] for index in batch]
            losses[batch] = batch_losses(model, head, chosen, causal)
            advance(sum(s.length for s in chosen))
    if not np.isfinite(losses).all():
        first = int(np.flatnonzero(~np.isfinite(losses))[0])
        raise HarnessError(
            f"the loss of sequence {sequences[first].key} is not finite; the weights or the dtype are at fault"
        )
    return losses


def batch_losses(model: Any, head: Head, chosen: Sequence[ScoredSequence], causal: bool) -> np.ndarray:
    """Summed loss of each sequence of one batch: float64 ``(B,)``, nats."""
    read = [s.ids[:-1] if causal else s.ids for s in chosen]
    labels = pad([s.labels[1:] if causal else s.labels for s in chosen], UNSCORED).to(model.device)  # (B, T)
    hidden = model(**inputs_of(model, chosen, read)).logits
    scored = labels != UNSCORED
    states, targets = hidden[scored], labels[scored]  # (N, d), (N,)
    rows = torch.arange(len(chosen), device=labels.device)[:, None].expand_as(labels)[scored]
    total = torch.zeros(len(chosen), dtype=torch.float64, device="cpu")
    size = max(16, CHUNK_ELEMENTS // model.config.get_text_config().vocab_size)
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        losses = functional.cross_entropy(head(states[part]).float(), targets[part], reduction="none")
        total.index_add_(0, rows[part].cpu(), losses.double().cpu())
    return total.numpy()


def inputs_of(model: Any, chosen: Sequence[ScoredSequence], read: Sequence[torch.Tensor]) -> dict[str, Any]:
    """What the model is called with: ``read``, or the sources with ``read`` for the decoder, padded on the right.

    What pads a decoder's input comes after all that counts, so that it needs no mask.
    """
    given = read if chosen[0].source is None else [s.source for s in chosen if s.source is not None]
    inputs = {"input_ids": pad(given, 0).to(model.device), "attention_mask": attention_mask(given).to(model.device)}
    if chosen[0].source is None:
        return inputs
    return inputs | {"decoder_input_ids": pad(read, 0).to(model.device), "use_cache": False}


@contextmanager
def without_head(model: Any, input_ids: torch.Tensor, **more: Any) -> Iterator[Head]:
    """Let the model return hidden states in place of logits; yields the layer that was taken off.

    A model that does something to its logits after the last layer (a cap, a scale) keeps its head, and what is yielded
    changes nothing. ``input_ids`` (1, T), and what ``more`` the model wants, are a short input to find that out with.
    """
    with head_off(model, input_ids, **more) as head:
        yield torch.nn.Identity() if head is None else head


def probe(model: Any, sequences: Sequence[ScoredSequence], trim: int) -> dict[str, Any]:
    """A call of the model on the first tokens of the shortest sequence that has any."""
    shortest = min(sequences, key=lambda s: len(s.ids))
    start = shortest.ids[: max(1, min(16, len(shortest.ids) - trim))]
    if shortest.source is None:
        return {"input_ids": start[None].to(model.device)}
    return inputs_of(model, [replace(shortest, source=shortest.source[:16])], [start])
