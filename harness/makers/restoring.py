"""What an encoder-decoder model is trained to say: spans taken out of a text (T5), or a text whose spans are masked (BART)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.data.corruption import SPAN_CORRUPTION, TEXT_INFILLING, TRAINED_BY, Corruption
from harness.data.pairs import decoder_start
from harness.data.sequences import UNSCORED
from harness.errors import HarnessError
from harness.training.loop import Batch

KINDS = {"span": SPAN_CORRUPTION, "denoising": TEXT_INFILLING}
"""How a text is corrupted under an objective."""


class Restoring:
    """Turns blocks of text into a corrupted text to read and what restores it."""

    def __init__(self, objective: str, model: Any, tokenizer: Any, seed: int, rate: float, length: float) -> None:
        """Spans of a step depend on seed and step alone.

        Raises:
            HarnessError: models of this type are scored by another corruption, or the tokenizer has no sentinels or mask.
        """
        kind, own = KINDS[objective], TRAINED_BY.get(model.config.model_type)
        if own != kind:
            known = [name for name, found in TRAINED_BY.items() if found == kind]
            raise HarnessError(
                f"objective: {objective} with an architecture of type {model.config.model_type}, which is "
                f"{f'scored by {own}' if own else 'not scored on corrupted text'}; expected one of {', '.join(known)}"
            )
        policy = {"corruption": kind, "span_rate": rate, "span_length": length, "mask_seed": seed}
        self.seed, self.corruption = seed, Corruption.of(tokenizer, policy)
        self.start, self.padding = decoder_start(model, tokenizer), int(tokenizer.pad_token_id)

    def batch(self, blocks: torch.Tensor, step: int) -> Batch:
        """Texts without special tokens ``(B, length)`` as what encoder and decoder read and what the decoder should say.

        All tokens of a target count, its end too: they tell the model when to stop.
        """
        random = np.random.default_rng((self.seed, step))
        sources, targets = [], []
        for text in blocks.tolist():
            spans = self.corruption.drawn(len(text), random)
            sources.append(self.corruption.source(text, spans))
            targets.append(self.corruption.target(text, spans)[0])
        ids, read = padded(sources, self.padding)
        labels, _ = padded(targets, UNSCORED)
        before, _ = padded([[self.start, *target[:-1]] for target in targets], self.padding)
        return {"input_ids": ids, "attention_mask": read, "decoder_input_ids": before, "labels": labels}


def padded(rows: list[list[int]], filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows in one table, and 1 where a row stands.

    >>> padded([[5], [6, 7]], 0)[0].tolist()
    [[5, 0], [6, 7]]
    """
    longest = max(map(len, rows))
    table = torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])
    return table, torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])


def restoring_loss(model: Any, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of the tokens that the decoder should say, nats, float32."""
    read = {name: values for name, values in batch.items() if name != "labels"}
    logits = model(**read).logits.flatten(0, 1).float()
    return functional.cross_entropy(logits, batch["labels"].flatten(), label_smoothing=smoothing)
