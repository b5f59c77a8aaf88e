"""Batches of sequences of like length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def by_token_budget(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches, longest first, none of more than ``budget`` tokens with its padding.

    The longest come first, so that a lack of memory shows at the start.

    >>> by_token_budget([3, 8, 2, 7], budget=16)
    [[1, 3], [0, 2]]
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def shuffled_by_length(
    lengths: Sequence[int], batch_size: int, random: np.random.Generator, window: int = 50
) -> list[list[int]]:
    """One epoch of training batches: shuffled, then sorted by length within windows of ``window`` batches.

    The order of batches is shuffled again, so that lengths do not drift along the epoch.
    """
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), window * batch_size):
        part = sorted(order[start : start + window * batch_size].tolist(), key=lambda i: lengths[i])
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def pad(sequences: Sequence[torch.Tensor], value: int) -> torch.Tensor:
    """Vectors of int64 padded on the right to the longest: ``(B, T)``."""
    return torch.nn.utils.rnn.pad_sequence(list(sequences), batch_first=True, padding_value=value)


def attention_mask(sequences: Sequence[torch.Tensor]) -> torch.Tensor:
    """1 where :func:`pad` put a token, 0 where it put padding: ``(B, T)``, int64."""
    return pad([torch.ones_like(sequence) for sequence in sequences], 0)
