"""A model moved away from its weights and back: the same memory, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Perturbation:
    """Weights as they were, to start every move from."""

    tensors: tuple[Tensor, ...]
    base: tuple[Tensor, ...]

    def move(self, direction: Sequence[Tensor], scale: float = 1.0) -> None:
        """Set the weights to ``base + scale * direction``."""
        with torch.no_grad():
            for tensor, base, step in zip(self.tensors, self.base, direction, strict=True):
                torch.add(base, step, alpha=scale, out=tensor.data)

    def back(self) -> None:
        """Set the weights to ``base``."""
        with torch.no_grad():
            for tensor, base in zip(self.tensors, self.base, strict=True):
                tensor.data.copy_(base)


@contextmanager
def perturbable(tensors: Sequence[Tensor]) -> Iterator[Perturbation]:
    """Let weights be moved inside the context; they are what they were after it, whatever happens inside.

    >>> weight = torch.tensor([1.0, 2.0])
    >>> with perturbable([weight]) as model:
    ...     model.move([torch.ones(2)], 0.5)
    ...     weight.tolist()
    [1.5, 2.5]
    >>> weight.tolist()
    [1.0, 2.0]
    """
    found = Perturbation(tuple(tensors), tuple(tensor.detach().clone() for tensor in tensors))
    try:
        yield found
    finally:
        found.back()
