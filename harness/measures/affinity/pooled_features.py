"""One vector a row from a checkpoint: its last hidden states, averaged over the row's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.data.batches import by_token_budget
from harness.measures.affinity.estimate import Array
from harness.measures.body import body_of
from harness.measures.classifier import Example, collate

if TYPE_CHECKING:
    from harness.measures.session import Session


def pooled_features(session: Session, examples: list[Example]) -> Array:
    """Mean of the last hidden states over tokens, special tokens included: float64 ``(N, d)``."""
    body, pad_token = body_of(session), session.tokenizer().pad_token_id or 0
    found: list[Any] = [None] * len(examples)
    with torch.inference_mode(), session.progress("features", sum(len(e.ids) for e in examples)) as advance:
        for batch in by_token_budget([len(e.ids) for e in examples], session.budget(body)):
            inputs = collate([examples[i] for i in batch], pad_token, body.device, regression=True)
            inputs.pop("labels")
            states = body(**inputs).last_hidden_state.float()  # (B, T, d)
            mask = inputs["attention_mask"][..., None].float()
            means = ((states * mask).sum(1) / mask.sum(1)).double().cpu().numpy()
            for i, mean in zip(batch, means, strict=True):
                found[i] = mean
            advance(sum(len(examples[i].ids) for i in batch))
    return np.stack(found)
