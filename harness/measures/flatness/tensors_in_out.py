"""A language model as a library for image classifiers wants it: one tensor in, one tensor out, a loss of two tensors."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.errors import HarnessError

CHANNELS = ("input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask")
"""What a batch may hold, in the order of its channels; the first two alone where there is no decoder."""


class TensorsInOut(nn.Module):
    """Takes a packed batch ``(B, channels, T)`` and returns logits ``(B, T', V)``, ``T'`` the longest that is read."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        takes = inspect.signature(model.forward).parameters
        self.anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values())
        self.takes = frozenset(takes)

    @property
    def takes_padding(self) -> bool:
        """Whether the model can be told which tokens are padding."""
        return "attention_mask" in self.takes

    def forward(self, packed: Tensor) -> Tensor:
        """Logits in float32 (float64 for a float64 model).

        Raises:
            HarnessError: The model returns no logits.
        """
        options: dict[str, Tensor | bool] = {n: t for n, t in unpack(packed).items() if n in self.takes}
        # A cache would copy keys and values that nothing here reads.
        if "use_cache" in self.takes:
            options["use_cache"] = False
        logits: Tensor | None = getattr(self.model(**options), "logits", None)
        if logits is None:
            raise HarnessError(
                f"{type(self.model).__name__} returns no logits: an encoder without a language-model head has no loss "
                "to be flat; load the checkpoint with its head"
            )
        return logits if logits.dtype == torch.float64 else logits.float()


def pack(batch: Mapping[str, Tensor]) -> Tensor:
    """Stack the tensors of a batch as a tokenizer or collator gives them into one, int64 ``(B, channels, T)``.

    Masks that are absent are ones. ``labels`` and what else the batch holds are not packed.

    >>> pack({"input_ids": torch.tensor([[5, 6, 0]]), "attention_mask": torch.tensor([[1, 1, 0]])}).tolist()
    [[[5, 6, 0], [1, 1, 0]]]
    """
    sides = [batch[name] for name in CHANNELS[::2] if name in batch]
    masks = [batch.get(mask, torch.ones_like(ids)) for ids, mask in zip(sides, CHANNELS[1::2], strict=False)]
    width = max(ids.shape[1] for ids in sides)
    channels = [t for pair in zip(sides, masks, strict=True) for t in pair]
    return torch.stack([nn.functional.pad(t, (0, width - t.shape[1])) for t in channels], 1)


def unpack(packed: Tensor) -> dict[str, Tensor]:
    """The named tensors of a packed batch, without the columns that are padding in every row.

    >>> {n: t.tolist() for n, t in unpack(torch.tensor([[[5, 6, 0], [1, 1, 0]]])).items()}
    {'input_ids': [[5, 6]], 'attention_mask': [[1, 1]]}
    """
    channels = dict(zip(CHANNELS, packed.unbind(1), strict=False))
    trimmed: dict[str, Tensor] = {}
    for ids, mask in zip(CHANNELS[::2], CHANNELS[1::2], strict=True):
        if ids in channels:
            width = int(channels[mask].sum(1).max())
            trimmed |= {ids: channels[ids][:, :width], mask: channels[mask][:, :width]}
    return trimmed


def batch_of(sequences: Sequence[ScoredSequence], objective: str, padding: int) -> tuple[Tensor, Tensor]:
    """Pad sequences on the right and pack them; targets stand where their logits do.

    Returns:
        Packed inputs ``(B, channels, T)`` and targets ``(B, T)``, -100 where nothing is scored.
    """
    width = max(max(len(s.ids), 0 if s.source is None else len(s.source)) for s in sequences)
    shift = 0 if objective == "masked" else 1
    targets = torch.full((len(sequences), width), UNSCORED)
    for row, sequence in zip(targets, sequences, strict=True):
        row[: len(sequence.labels) - shift] = sequence.labels[shift:]
    # What a decoder predicts last it need not read; a causal model reads its last token for nothing.
    ids = _padded([s.ids if objective == "masked" else s.ids[:-1] for s in sequences], padding)
    if objective != "seq2seq":
        return pack(dict(zip(CHANNELS, ids, strict=False))), targets
    source = _padded([s.source for s in sequences if s.source is not None], padding)
    return pack(dict(zip(CHANNELS, source + ids, strict=True))), targets


def _padded(rows: Sequence[Tensor], padding: int) -> tuple[Tensor, Tensor]:
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    return pad_sequence(list(rows), batch_first=True, padding_value=padding), mask


@dataclass(slots=True)
class WeightedLoss:
    """Cross-entropy in nats, summed over scored tokens and scaled so that a mean over sequences is one over tokens.

    A library that averages the batches' losses weighted by their sequences gets the loss per token with ``scale`` =
    sequences / tokens of the whole data; a single sequence's sum is had with ``scale`` = 1.

    Attributes:
        parameters: Anchored: their squares enter with weight zero, so that each has a gradient with a graph, of exactly
            zero where the model does not use it.
        scale: Sequences over scored tokens.
        last: The loss of the last batch, summed.
    """

    parameters: tuple[Tensor, ...]
    scale: float = 1.0
    last: float = 0.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The scaled loss of one batch."""
        labels = targets[:, : logits.shape[1]]
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum", ignore_index=UNSCORED)
        self.last = float(loss.detach())
        anchor = sum((p.square().sum() * 0 for p in self.parameters), start=loss.new_zeros(()))
        return loss * (self.scale / len(targets)) + anchor


def padding_of(model: nn.Module) -> int:
    """The id to pad with: models that count positions from it must see it."""
    return int(getattr(getattr(model, "config", None), "pad_token_id", None) or 0)


def in_batches(sequences: Sequence[ScoredSequence], size: int) -> Iterable[Sequence[ScoredSequence]]:
    """Consecutive batches of at most ``size``.

    >>> [len(batch) for batch in in_batches([1, 2, 3], 2)]
    [2, 1]
    """
    return (sequences[start : start + size] for start in range(0, len(sequences), size))
