"""What a language model is trained to say: from blocks of tokens to inputs and labels, and the loss on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from harness.data.sequences import UNSCORED
from harness.data.windows import MaskVocabulary, corrupted
from harness.makers.corpus import batches
from harness.makers.restoring import Restoring, restoring_loss
from harness.makers.translation import translation_loss
from harness.training.heads import head_off
from harness.training.loop import Batch


class Drawn(Protocol):
    """Sequences that know how they are drawn, such as a mixture."""

    def batches(self, size: int, seed: int, start: int, stop: int) -> Iterator[torch.Tensor]:
        """Batches of steps ``start`` to ``stop``."""


class Objective:
    """Turns blocks into what the model reads and what it is asked for."""

    def __init__(self, objective: str, tokenizer: Any, seed: int, mask_rate: float) -> None:
        """Masks of a step depend on seed and step alone."""
        self.seed, self.mask_rate = seed, mask_rate
        self.vocabulary = MaskVocabulary.of(tokenizer) if objective == "masked" else None

    def batch(self, blocks: torch.Tensor, step: int) -> Batch:
        """Inputs and labels ``(B, length)``; labels are aligned with inputs, -100 where nothing is asked."""
        if self.vocabulary is None:
            labels = blocks.clone()
            labels[:, 0] = UNSCORED
            return {"input_ids": blocks, "labels": labels}
        random = np.random.default_rng((self.seed, step))
        ids = blocks.numpy().copy()
        chosen = random.random(ids.shape) < self.mask_rate
        chosen[:, [0, -1]] = False
        if not chosen.any():
            chosen[0, 1] = True
        labels = np.where(chosen, ids, UNSCORED)
        ids[chosen] = corrupted(ids[chosen], self.vocabulary, random)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}


def forward(model: Any, batch: Batch) -> torch.Tensor:
    """Logits ``(B, length, V)``; blocks have no padding, and an end-of-text token inside one is no padding either."""
    return model(input_ids=batch["input_ids"], attention_mask=torch.ones_like(batch["input_ids"])).logits


def causal_loss(model: Any, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of the next token, nats, float32."""
    logits, labels = forward(model, batch)[:, :-1], batch["labels"][:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), label_smoothing=smoothing)


def masked_loss(model: Any, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of the masked tokens, nats, float32; the last layer works on these positions alone."""
    scored = batch["labels"] != UNSCORED
    with head_off(model, batch["input_ids"][:1, :2]) as head:
        states = forward(model, batch)[scored]
    logits = states if head is None else head(states)
    return functional.cross_entropy(logits.float(), batch["labels"][scored], label_smoothing=smoothing)


LOSSES = {
    "causal": causal_loss, "masked": masked_loss, "span": restoring_loss, "denoising": restoring_loss,
    "translation": translation_loss,
}  # fmt: skip


def language_batches(
    objective: Objective | Restoring,
    blocks: torch.Tensor | Drawn,
    size: int,
    seed: int,
    device: str,
    start: int,
    stop: int,
) -> Iterator[Batch]:
    """Batches of steps ``start`` to ``stop``, ready for the model."""
    table = isinstance(blocks, torch.Tensor)
    drawn = batches(blocks, size, seed, start, stop) if table else blocks.batches(size, seed, start, stop)
    for step, chosen in enumerate(drawn, start):
        yield {name: values.to(device) for name, values in objective.batch(chosen, step).items()}
