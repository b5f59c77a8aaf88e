"""Sequences of one shape run through the model together: the same logits, fewer and larger products."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data.sequences import UNSCORED, ScoredSequence


def equal_shapes(sequences: Sequence[ScoredSequence], tokens: int) -> list[list[int]]:
    """Numbers of the sequences that may share a graph: equal lengths of text and source, so that nothing is padded.

    Args:
        sequences: Unpadded.
        tokens: Tokens that one group may read; a longer sequence is a group of its own.

    >>> import torch
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


def scored_counts(sequences: Sequence[ScoredSequence], objective: str) -> list[int]:
    """Scored tokens of each sequence, known before the model runs.

    >>> import torch
    >>> scored_counts([ScoredSequence(torch.arange(3), torch.tensor([0, 1, -100]), 0, 0)], "causal")
    [1]
    """
    shifted = [s.labels if objective == "masked" else s.labels[1:] for s in sequences]
    return [int((labels != UNSCORED).sum()) for labels in shifted]
