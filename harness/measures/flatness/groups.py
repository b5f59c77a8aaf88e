"""Sequences of one shape run through the model together: the same logits, fewer and larger products."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.sequences import UNSCORED, ScoredSequence
from harness.measures.flatness.forward import scored_logits


def equal_shapes(sequences: Sequence[ScoredSequence], tokens: int) -> list[list[int]]:
    """Numbers of the sequences that may share a graph: equal lengths of text and source, so that nothing is padded.

    Args:
        sequences: Unpadded.
        tokens: Tokens that one group may read; a longer sequence is a group of its own.

    >>> a, b = (ScoredSequence(torch.arange(n), torch.arange(n), 0, n) for n in (3, 5))
    >>> equal_shapes([a, b, a, a], tokens=6)
    [[0, 2], [3], [1]]
    """
    by_shape: dict[tuple[int, int | None], list[int]] = {}
    for number, sequence in enumerate(sequences):
        shape = (len(sequence.ids), None if sequence.source is None else len(sequence.source))
        by_shape.setdefault(shape, []).append(number)
    groups = []
    for numbers in by_shape.values():
        size = max(1, tokens // sequences[numbers[0]].length)
        groups += [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return groups


def group_logits(model: nn.Module, group: Sequence[ScoredSequence], objective: str) -> tuple[Tensor, Tensor]:
    """Logits and true labels of the scored positions of a group, one sequence after another.

    Returns:
        Logits ``(n, V)`` in float32 (float64 for a float64 model) and labels ``(n,)``, as ``scored_logits`` gives them.
    """
    if len(group) == 1:
        return scored_logits(model, group[0], objective)
    device = next(model.parameters()).device
    labels = torch.stack([s.labels for s in group]).to(device)
    ids = torch.stack([s.ids for s in group]).to(device)
    sources = [s.source for s in group if s.source is not None]
    options: dict[str, Any] = {"input_ids": ids}
    if sources:
        options = {"input_ids": torch.stack(sources).to(device), "decoder_input_ids": ids[:, :-1]}
    if "use_cache" in inspect.signature(model.forward).parameters:
        options["use_cache"] = False
    logits: Tensor = model(**options).logits
    if sources:
        labels = labels[:, 1:]
    elif objective == "causal":
        logits, labels = logits[:, :-1], labels[:, 1:]
    scored = labels != UNSCORED
    logits, labels = logits[scored], labels[scored]
    return logits if logits.dtype == torch.float64 else logits.float(), labels


def scored_counts(sequences: Sequence[ScoredSequence], objective: str) -> list[int]:
    """Scored tokens of each sequence, known before the model runs.

    >>> scored_counts([ScoredSequence(torch.arange(3), torch.tensor([0, 1, -100]), 0, 0)], "causal")
    [1]
    """
    shifted = [s.labels if objective == "masked" else s.labels[1:] for s in sequences]
    return [int((labels != UNSCORED).sum()) for labels in shifted]
