"""Objective ``translation``: an encoder reads a text, a decoder says its translation token by token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional

from harness.data.pairs import decoder_start
from harness.data.sequences import UNSCORED
from harness.errors import HarnessError
from harness.makers.pair_batches import PairBatches, PairTokens, Places
from harness.makers.restoring import padded
from harness.training.heads import head_off
from harness.training.loop import Batch


class Translating:
    """Turns pairs into what encoder and decoder read and what the decoder should say."""

    def __init__(
        self, pairs: PairTokens, batch_tokens: int, model: Any, tokenizer: Any, seed: int, device: str = "cpu"
    ) -> None:
        """Batches of a step depend on seed and step alone.

        Raises:
            HarnessError: the model has no decoder that reads what an encoder gives, or fewer positions than pairs have tokens.
        """
        if not model.config.is_encoder_decoder:
            raise HarnessError(
                f"objective: translation with an architecture of type {model.config.model_type}, which has no encoder and decoder; "
                "expected one such as marian, t5 or bart"
            )
        self.pairs, self.device, self.drawn = pairs, device, PairBatches(pairs, batch_tokens, seed)
        longest, positions = int(self.drawn.lengths.max()), getattr(model.config, "max_position_embeddings", None)
        if positions is not None and longest > positions:
            raise HarnessError(
                f"the model has {positions} positions and a side of a pair {longest} tokens; give a smaller length, or an "
                "architecture of more positions (max_position_embeddings)"
            )
        self.start, self.padding = decoder_start(model, tokenizer), int(tokenizer.pad_token_id)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Batches of steps ``start`` to ``stop``, ready for the model."""
        for places in self.drawn.of_steps(start, stop):
            yield {name: values.to(self.device) for name, values in self.batch(places).items()}

    def batch(self, places: Places) -> Batch:
        """Some pairs; all tokens of a translation count, its end too, and -100 stands where none is."""
        targets = [self.pairs.targets[place] for place in places]
        ids, read = padded([self.pairs.sources[place] for place in places], self.padding)
        before, _ = padded([[self.start, *target[:-1]] for target in targets], self.padding)
        return {
            "input_ids": ids, "attention_mask": read, "decoder_input_ids": before, "labels": padded(targets, UNSCORED)[0],
        }  # fmt: skip


def translation_loss(model: Any, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of the tokens of the translations, nats, float32; the last layer works on these alone."""
    scored = batch["labels"] != UNSCORED
    read = {name: values for name, values in batch.items() if name != "labels"} | {"use_cache": False}
    tried = {"decoder_input_ids": batch["decoder_input_ids"][:1, :1], "use_cache": False}
    with head_off(model, batch["input_ids"][:1, :2], **tried) as head:
        states = model(**read).logits[scored]
    logits = states if head is None else head(states)
    return functional.cross_entropy(logits.float(), batch["labels"][scored], label_smoothing=smoothing)
