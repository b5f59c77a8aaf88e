"""Cross-entropy of scored tokens, in nats, without a table of tokens x vocabulary.

The last linear layer is taken off the model for the forward pass, so that it returns the hidden states it would have
multiplied; logits are then formed for the scored positions alone (``token_losses``), and their loss taken in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from harness.data.batches import attention_mask, by_token_budget, pad
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError
from harness.measures.token_losses import token_losses
from harness.training.heads import Head, head_off


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
    hidden = model(**inputs_of(model, chosen, read, causal)).logits
    scored = labels != UNSCORED
    states, targets = hidden[scored], labels[scored]  # (N, d), (N,)
    rows = torch.arange(len(chosen), device=labels.device)[:, None].expand_as(labels)[scored]
    losses, _ = token_losses(head, states, targets)
    total = torch.zeros(len(chosen), dtype=torch.float64, device="cpu")
    total.index_add_(0, rows.cpu(), losses.double().cpu())
    return total.numpy()


def inputs_of(
    model: Any, chosen: Sequence[ScoredSequence], read: Sequence[torch.Tensor], causal: bool
) -> dict[str, Any]:  # fmt: skip
    """What the model is called with: ``read``, or the sources with ``read`` for the decoder, padded on the right.

    What pads the input of a causal model or a decoder comes after all that counts, so that it needs no mask.
    """
    if chosen[0].source is not None:
        sources = [s.source for s in chosen if s.source is not None]
        decoder = {"decoder_input_ids": pad(read, 0).to(model.device), "use_cache": False}
        return masked_inputs(model, sources) | decoder
    if causal:
        return {"input_ids": pad(read, 0).to(model.device), "use_cache": False}
    return masked_inputs(model, read)


def masked_inputs(model: Any, read: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Token ids padded on the right, and where they are no padding."""
    return {"input_ids": pad(read, 0).to(model.device), "attention_mask": attention_mask(read).to(model.device)}


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
    return inputs_of(model, [replace(shortest, source=shortest.source[:16])], [start], causal=True)
