"""Private random numbers: each sequence has its own, so that order and batching change nothing."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

CHUNK_ELEMENTS = 2**20
"""Probabilities summed at once: 8 MB in float64, however large the vocabulary."""


def private_generator(seed: int, key: int | str, purpose: str) -> torch.Generator:
    """A CPU generator that depends on the task's seed, the sequence's key and what it is for.

    >>> a, b = (torch.rand(2, generator=private_generator(0, "doc-7", "labels")) for _ in range(2))
    >>> bool((a == b).all())
    True
    """
    digest = hashlib.sha256(f"{purpose}\x1f{seed}\x1f{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def sample_labels(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one label per row by inverting the cumulative distribution in float64.

    One uniform number per row, drawn on the CPU: the same labels on every device up to rounding, and
    two checkpoints with the same key see the same uniform numbers.

    Args:
        probabilities: Rows that sum to one, ``(N, V)``.
        generator: A CPU generator.

    Returns:
        int64 ``(N,)``, each in ``[0, V)``.

    >>> sample_labels(torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), torch.Generator().manual_seed(0)).tolist()
    [1, 0]
    """
    uniform = torch.rand(len(probabilities), 1, generator=generator, dtype=torch.float64).to(probabilities.device)
    labels = []
    size = max(1, CHUNK_ELEMENTS // probabilities.shape[1])
    for rows, u in zip(probabilities.split(size), uniform.split(size), strict=True):
        cumulative = rows.cumsum(1, dtype=torch.float64)
        # right=True steps over labels of probability zero; u < 1 keeps the result below V.
        labels.append(torch.searchsorted(cumulative, u * cumulative[:, -1:], right=True).squeeze(1))
    return torch.cat(labels).clamp_(max=probabilities.shape[1] - 1)


def rademacher(shape: torch.Size, generator: torch.Generator, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Independent signs, each -1 or +1 with probability one half.

    >>> rademacher(torch.Size([4]), torch.Generator().manual_seed(0), torch.float32, torch.device("cpu")).abs().sum()
    tensor(4.)
    """
    bits = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8)
    return bits.to(device=device, dtype=dtype).mul_(2).sub_(1)
