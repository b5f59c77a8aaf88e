"""What every estimator of the kind is given, and what all their values have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.data.sequences import ScoredSequence
from harness.measures.flatness.result import SequenceTerms
from harness.measures.measurement import Outcomes
from harness.results.signature import digest
from harness.specs import FlatnessTask

if TYPE_CHECKING:
    import torch

PER_SQUARED_UNIT = "nats per token per squared unit of parameter"
PER_TOKEN = "nats per token"
RELATIVE = "of each row's length"
Across = Literal["one architecture", "one tokenizer", "any"]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One checkpoint and the text that its curvature is measured on, in the order in which it is drawn.

    Attributes:
        model: With its language-model head.
        sequences: In hash order.
        objective: "causal", "masked" or "seq2seq".
        task: How it is to be measured.
        tokenizer: Hash of the tokenizer; empty where there is none.
        layout: Hash of the names and shapes of its parameters.
        weight_norm: Of all weights.
        memory: Bytes that a draw was estimated to take.
        free: Bytes that were free before; None where that is not known.
        advance: Moves the bar on.
    """

    model: torch.nn.Module
    sequences: list[ScoredSequence]
    objective: str
    task: FlatnessTask
    tokenizer: str
    layout: str
    weight_norm: float
    memory: int
    free: int | None
    advance: Callable[[int], None]
    _done: list[int] = field(default_factory=lambda: [0])

    def progress(self, done: int, reached: float | None = None) -> None:
        """Move the bar to so many sequences, or products where sequences are read again and again."""
        self.advance(done - self._done[0])
        self._done[0] = done

    def options(self) -> dict[str, Any]:
        """Arguments that all estimators which stop by precision share."""
        limits = self.task.flatness
        return {
            "objective": self.objective, "precision": limits.precision, "minimum": limits.minimum,
            "maximum": limits.maximum, "group": limits.group, "progress": self.progress,
        }  # fmt: skip

    def documents(self, clusters: int) -> str:
        """So many clusters in words."""
        size = self.task.flatness.group
        return f"{clusters} documents" if size == 1 else f"{clusters} clusters of {size} documents"

    def tokens_read(self, sequences: int) -> int:
        """Tokens of the first so many sequences."""
        return sum(s.length for s in self.sequences[:sequences])

    def comparable(self, across: Across, layout: str) -> dict[str, str]:
        """Which checkpoints a value may be compared with, among those of one signature.

        A trace has the unit of the parameters, and a nat per token that of the tokens: of one architecture where
        parameters count, of one tokenizer where tokens do.
        """
        parts = {"one architecture": [layout, self.tokenizer], "one tokenizer": [self.tokenizer], "any": []}
        return {"comparable_across": across, "comparable_group": digest(parts[across])[:16]}


def per_draw(metric: str, terms: SequenceTerms) -> Outcomes:
    """Terms of single draws, for paired comparisons: outcome over weight is a draw's own value."""
    return Outcomes(metric, np.arange(len(terms.tokens)), terms.cluster, terms.trace, terms.tokens.astype(float))
