"""A sequence of token ids with the positions that are scored: what flatness is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    import torch

UNSCORED = -100


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSequence:
    """One unpadded sequence.

    Attributes:
        ids: What the model reads, int64 ``(T,)``; for a masked model the masks stand in it already. What the
            decoder reads, its start token first, where there is a ``source``.
        labels: True tokens, int64 ``(T,)``, -100 where a position is not scored. For a causal model and a decoder
            they are aligned with ``ids`` (``labels[t] == ids[t]``); whoever computes the loss shifts once.
        cluster: The document this sequence was cut from: the unit of resampling.
        key: A name for this sequence that never changes; seeds its private random numbers.
        bytes: UTF-8 bytes of the text of the scored tokens.
        source: What the encoder of a sequence-to-sequence model reads, int64 ``(S,)``; None for other models.

    Raises:
        HarnessError: ``ids`` and ``labels`` are not two vectors of one length.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    cluster: int
    key: int | str
    bytes: int = 0
    source: torch.Tensor | None = None

    @property
    def length(self) -> int:
        """Tokens that the model reads: those of the source and of ``ids``."""
        return len(self.ids) + (0 if self.source is None else len(self.source))

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.shape != self.labels.shape:
            raise HarnessError(
                f"sequence {self.key!r} has ids of shape {tuple(self.ids.shape)} and labels of shape "
                f"{tuple(self.labels.shape)}; give two vectors of one length, labels -100 where not scored"
            )
