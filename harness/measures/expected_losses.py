"""The loss that a model is expected to have where the true distribution of a token is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from harness.data.batches import by_token_budget, pad
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.data.worlds.choosing import Floats
from harness.measures.cross_entropy import inputs_of


def expected_losses(
    model: Any, sequences: Sequence[ScoredSequence], truth: Sequence[Floats], tokens: Sequence[int], token_budget: int
) -> Floats:
    """Cross-entropy of the model with the truth, summed over the scored positions of each sequence: (S,), nats.

    Args:
        model: a masked model.
        sequences: what it reads, and which positions are scored.
        truth: of each sequence, p(token | what is seen) at its scored positions, (P, V).
        tokens: the V tokens that those are of.
        token_budget: tokens of a batch.
    """
    losses, wanted = np.zeros(len(sequences)), torch.tensor(list(tokens), device=model.device)
    model.eval()
    with torch.inference_mode():
        for batch in by_token_budget([s.length for s in sequences], token_budget):
            chosen = [sequences[index] for index in batch]
            read = [s.ids for s in chosen]
            scored = pad([s.labels for s in chosen], UNSCORED).to(model.device) != UNSCORED
            logits = model(**inputs_of(model, chosen, read, causal=False)).logits[scored].float()
            logs = torch.log_softmax(logits, dim=-1)[:, wanted].double().cpu().numpy()
            each = -(np.concatenate([truth[index] for index in batch]) * logs).sum(axis=1)
            owner = np.repeat(np.arange(len(batch)), [len(truth[index]) for index in batch])
            losses[batch] = np.bincount(owner, each, len(batch))
    return losses
