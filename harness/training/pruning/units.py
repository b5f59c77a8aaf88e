"""Whole heads or whole layers as what is pruned.

A head is its rows of queries, keys and values and its columns of the matrix after them; keys and values that several heads
read go with the last of these. A layer is all its matrices; biases and normalisations stay, as they do where single weights
are pruned. Of each its magnitude is the root mean square of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.checkpoints.layer import Matrix
from harness.checkpoints.layers import Transformer
from harness.errors import HarnessError
from harness.training.pruning.scores import Scope, Scores, count_of, lowest

OF_HEADS = ("query", "key", "value", "packed", "output")


@dataclass(frozen=True, slots=True)
class Part:
    """A matrix, or some of its outputs, or of its inputs where it is one that heads are read by."""

    matrix: Matrix
    units: torch.Tensor | None = None

    def of(self, values: torch.Tensor) -> torch.Tensor:
        """The part of a tensor of the matrix's shape, by row: a copy, ``(units, rest)``."""
        turned = values.T if self.matrix.transposed != (self.matrix.role == "output") else values
        return turned if self.units is None else turned[self.units.to(values.device)]

    def fill(self, mask: torch.Tensor, value: bool) -> None:
        """Set the part of a mask of the matrix's shape."""
        turned = mask.T if self.matrix.transposed != (self.matrix.role == "output") else mask
        turned[slice(None) if self.units is None else self.units.to(mask.device)] = value


Unit = tuple[Part, ...]


class Units:
    """Heads or layers, in groups that are pruned to the sparsity each."""

    def __init__(self, groups: Sequence[Sequence[Unit]], scores: Scores, *, top: bool = False) -> None:
        """``top``: those that come last in their group go first, whatever their weights."""
        self.groups, self.scores, self.top = groups, scores, top
        self.matrices: dict[str, torch.Tensor] = {
            part.matrix.name: part.matrix.parameter for group in groups for unit in group for part in unit
        }

    def zeros(self, sparsity: float) -> dict[str, torch.Tensor]:
        """True at each weight of the units pruned that no unit left needs."""
        found = {name: torch.zeros_like(matrix, dtype=torch.bool) for name, matrix in self.matrices.items()}
        chosen = [self.chosen(number, sparsity) for number in range(len(self.groups))]
        for value in (True, False):
            for group, pruned in zip(self.groups, chosen, strict=True):
                for unit in (unit for unit, gone in zip(group, pruned, strict=True) if gone == value):
                    for part in unit:
                        part.fill(found[part.matrix.name], value)
        return found

    def chosen(self, number: int, sparsity: float) -> list[bool]:
        """Which units of a group are pruned: ``round(sparsity * N)`` of N."""
        group = self.groups[number]
        if self.top:
            scores = -torch.arange(float(len(group)))
        elif self.scores.method == "random":
            scores = self.scores.of(number, [torch.zeros(len(group))])
        else:
            scores = torch.tensor([magnitude(unit) for unit in group])
        return [bool(gone) for gone in lowest(scores, count_of(sparsity, len(group)))]

    def reached(self, sparsity: float) -> float:
        """Share of the units that are pruned."""
        counts = [(count_of(sparsity, len(group)), len(group)) for group in self.groups]
        return sum(gone for gone, _ in counts) / sum(size for _, size in counts)


def magnitude(unit: Unit) -> float:
    """Root mean square of the weights of a unit."""
    parts = [part.of(part.matrix.parameter.detach()).float() for part in unit]
    return float(sum((part**2).sum() for part in parts) / sum(part.numel() for part in parts)) ** 0.5


def heads(transformer: Transformer, layers: Sequence[int] | None, scope: Scope, scores: Scores) -> Units:
    """Heads of self-attention; local: of each layer the same share."""
    chosen = transformer.layers if layers is None else transformer.chosen(layers)
    groups = [
        [
            tuple(
                Part(matrix, torch.from_numpy(layer.units_of_head(matrix, head)))
                for matrix in layer.attention if matrix.role in OF_HEADS
            )
            for head in range(layer.heads)
        ]
        for layer in chosen
    ]  # fmt: skip
    return Units(groups if scope == "local" else [[unit for group in groups for unit in group]], scores)


def layers(
    transformer: Transformer, numbers: Sequence[int] | None, scope: Scope, scores: Scores, *, top: bool
) -> Units:  # fmt: skip
    """Layers; local: of an encoder and of its decoder the same share.

    Raises:
        HarnessError: the model uses one layer several times.
    """
    transformer.refuse_shared("none of them can be pruned alone")
    found = transformer.layers if numbers is None else transformer.chosen(numbers)
    stacks = sorted({layer.stack for layer in found}, reverse=True) if scope == "local" else [None]
    groups = [
        [tuple(map(Part, layer.matrices)) for layer in found if stack is None or layer.stack == stack]
        for stack in stacks
    ]
    if not any(groups):
        raise HarnessError("no layer is left to prune; in_layers is empty")
    return Units(groups, scores, top=top)
