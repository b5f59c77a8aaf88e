"""From scores to what is pruned: the lowest of a group, exactly as many as the sparsity says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch

Method = Literal["magnitude", "random"]
Scope = Literal["local", "global"]


def lowest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """True at the ``count`` lowest of ``scores`` ``(N,)``; of equal ones the first.

    >>> lowest(torch.tensor([3.0, 1.0, 1.0, 2.0]), 2)
    tensor([False,  True,  True, False])
    """
    if count == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    edge = scores.kthvalue(count).values
    below = scores < edge
    equal = (scores == edge).nonzero()[: count - int(below.sum())]
    below[equal] = True
    return below


def count_of(sparsity: float, size: int) -> int:
    """How many of ``size`` are pruned, rounded as torch.nn.utils.prune rounds.

    >>> count_of(0.3, 9)
    3
    """
    return round(sparsity * size)


def groups(names: Sequence[str], scope: Scope) -> list[list[str]]:
    """Matrices that are compared with one another: each alone, or all together."""
    return [[name] for name in names] if scope == "local" else [list(names)]


class Scores:
    """How much each weight counts: its magnitude, or a place in an order drawn once from the seed.

    A random order does not change while a model is trained, so that what is pruned at a sparsity is pruned at every
    higher one.
    """

    def __init__(self, method: Method, seed: int) -> None:
        """Orders are kept for as long as this is."""
        self.method, self.seed = method, seed
        self._orders: dict[int, torch.Tensor] = {}

    def of(self, group: int, values: Sequence[torch.Tensor]) -> torch.Tensor:
        """Scores ``(N,)`` of all values of a group, which has a number of its own."""
        if self.method == "magnitude":
            return torch.cat([value.detach().flatten().abs() for value in values])
        if group not in self._orders:
            size = sum(value.numel() for value in values)
            order = np.random.default_rng((self.seed, group)).permutation(size).astype(np.int32)
            self._orders[group] = torch.from_numpy(order).to(values[0].device)
        return self._orders[group]


def pruned_weights(
    matrices: Mapping[str, torch.Tensor], sparsity: float, scope: Scope, scores: Scores
) -> dict[str, torch.Tensor]:
    """True at each weight that is pruned, by name of matrix: ``round(sparsity * N)`` of the N of each group."""
    found: dict[str, torch.Tensor] = {}
    for number, names in enumerate(groups(list(matrices), scope)):
        given = scores.of(number, [matrices[name] for name in names])
        chosen = lowest(given, count_of(sparsity, len(given)))
        sizes = [matrices[name].numel() for name in names]
        for name, part in zip(names, chosen.split(sizes), strict=True):
            found[name] = part.view(matrices[name].shape)
    return found
