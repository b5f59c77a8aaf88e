"""Axes of weights made longer: where each new index comes from, and by what it is multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

NEW = -1


@dataclass(frozen=True)
class Axis:
    """``new[i] = scale[i] * old[source[i]]``, and ``fill`` where ``source[i]`` is ``NEW``.

    Attributes:
        old: length of the old axis.
        source: int64 ``(new,)``.
        scale: float64 ``(new,)``.
        fill: value of what is new.
    """

    old: int
    source: torch.Tensor
    scale: torch.Tensor
    fill: float = 0.0

    def applied(self, tensor: torch.Tensor, dimension: int) -> torch.Tensor:
        """A tensor with one of its dimensions made longer."""
        shape = [1] * tensor.dim()
        shape[dimension] = -1
        known = (self.source != NEW).view(shape)
        taken = tensor.index_select(dimension, self.source.clamp(min=0)) * self.scale.to(tensor.dtype).view(shape)
        return torch.where(known, taken, torch.full((), self.fill, dtype=tensor.dtype))


def of(sources: Sequence[int] | torch.Tensor, old: int, scale: float = 1.0, fill: float = 0.0) -> Axis:
    """An axis with one scale."""
    source = torch.as_tensor(sources, dtype=torch.int64)
    return Axis(old, source, torch.full(source.shape, scale, dtype=torch.float64), fill)


def padded(old: int, new: int, scale: float = 1.0, fill: float = 0.0) -> Axis:
    """Old values first, then ``fill``.

    >>> padded(2, 3, fill=7.0).applied(torch.tensor([1.0, 2.0]), 0)
    tensor([1., 2., 7.])
    """
    return of([*range(old), *[NEW] * (new - old)], old, scale, fill)


def tiled(old: int, new: int, scale: float) -> Axis:
    """Copies end to end, all multiplied by ``scale``; ``new`` is a multiple of ``old``.

    >>> tiled(2, 4, 0.5).applied(torch.tensor([1.0, 2.0]), 0)
    tensor([0.5000, 1.0000, 0.5000, 1.0000])
    """
    return of(torch.arange(new) % old, old, scale)


def repeated(old: int, new: int, start: int) -> Axis:
    """Rows from ``start`` on begin anew where the old ones end: position n is position n modulo the old length.

    >>> repeated(5, 8, 2).source.tolist()
    [0, 1, 2, 3, 4, 2, 3, 4]
    """
    index = torch.arange(new)
    return of(torch.where(index < start, index, start + (index - start) % (old - start)), old)


def joined(parts: Sequence[Axis]) -> Axis:
    """Axes that lie end to end in one packed weight.

    >>> joined([padded(1, 2), padded(1, 1)]).source.tolist()
    [0, -1, 1]
    """
    starts = [sum(part.old for part in parts[:n]) for n in range(len(parts))]
    moved = [torch.where(p.source == NEW, NEW, p.source + start) for p, start in zip(parts, starts, strict=True)]
    return Axis(sum(part.old for part in parts), torch.cat(moved), torch.cat([part.scale for part in parts]))


def in_blocks(blocks: Sequence[int], inside: Axis, count: int) -> Axis:
    """Blocks (heads) of equal length: which old block each new one is, and where things lie inside.

    >>> in_blocks([0, NEW, 1], padded(2, 2), count=2).source.tolist()
    [0, 1, -1, -1, 2, 3]
    """
    block = torch.as_tensor(blocks, dtype=torch.int64)[:, None]
    source = torch.where((block == NEW) | (inside.source == NEW), NEW, block * inside.old + inside.source)
    return Axis(inside.old * count, source.flatten(), inside.scale.repeat(len(blocks)))


def scaled(axis: Axis, factor: float) -> Axis:
    """An axis whose values are multiplied by a factor."""
    return replace(axis, scale=axis.scale * factor)
