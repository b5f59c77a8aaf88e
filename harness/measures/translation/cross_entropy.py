"""Cross-entropy of the references given the sources: nats per target token, and bits per byte of the target's text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from harness.data.pairs import scored_pair
from harness.data.parallel import Pair
from harness.data.sequences import UNSCORED, ScoredSequence
from harness.measures.cross_entropy import sequence_losses
from harness.measures.measurement import Outcomes, Value
from harness.measures.ratio import ratio_estimate
from harness.measures.translation.encoded import Encoded, Tokens


def reference_losses(
    model: Any, encoded: Encoded, token_budget: int, advance: Callable[[int], None] = lambda tokens: None
) -> np.ndarray:  # fmt: skip
    """Summed loss of each reference, its end included: float64 ``(N,)``, nats.

    Raises:
        HarnessError: a loss is not finite.
    """
    return sequence_losses(model, sequences(encoded), causal=True, token_budget=token_budget, advance=advance)


def sequences(encoded: Encoded) -> list[ScoredSequence]:
    """What is scored of each pair."""
    numbered = enumerate(zip(encoded.sources, encoded.targets, strict=True))
    if not encoded.start:
        return [behind_prompt(source, target, number) for number, (source, target) in numbered]
    first, *given = encoded.start
    return [
        scored_pair(
            source, [*given, *target], first, cluster=number, key=number,
            scored=[False] * len(given) + [True] * len(target),
        )
        for number, (source, target) in numbered
    ]  # fmt: skip


def behind_prompt(prompt: Tokens, target: Tokens, number: int) -> ScoredSequence:
    """A reference behind its prompt, which is read and not scored."""
    labels = [UNSCORED] * len(prompt) + target
    return ScoredSequence(
        ids=torch.tensor(prompt + target), labels=torch.tensor(labels), cluster=number, key=number
    )  # fmt: skip


def loss_values(
    pairs: list[Pair], encoded: Encoded, nats: np.ndarray
) -> tuple[list[Value], list[Outcomes]]:  # fmt: skip
    """Both values with their standard errors over segments, and the outcomes of segments."""
    tokens = np.array([len(target) for target in encoded.targets], dtype=float)
    size = np.array(encoded.target_bytes, dtype=float)
    rows = np.array([pair.row for pair in pairs])
    count = int(tokens.sum())
    values = [
        ratio("nats_per_token", nats, tokens, "nats per token", count),
        ratio("bits_per_byte", nats / math.log(2), size, "bits per byte", count),
    ]
    outcomes = [
        Outcomes("nats_per_token", rows, rows, nats, tokens),
        Outcomes("bits_per_byte", rows, rows, nats / math.log(2), size),
    ]
    return values, outcomes


def ratio(metric: str, numerator: np.ndarray, denominator: np.ndarray, unit: str, n: int) -> Value:
    """A ratio of sums over segments with its standard error."""
    if len(numerator) < 2:
        value = float(numerator.sum() / denominator.sum())
        return Value(metric, value, None, "none: a single segment", n, unit, higher_is_better=False)
    found = ratio_estimate(numerator, denominator, np.arange(len(numerator)))
    method = f"ratio estimator over {found.clusters} segments"
    return Value(metric, found.value, found.stderr, method, n, unit, higher_is_better=False)
