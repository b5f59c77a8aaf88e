"""Single weights as what is pruned: the lowest of a matrix or of all, or some of every few in a row."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from harness.errors import HarnessError
from harness.training.pruning.scores import Scope, Scores, pruned_weights


class Weights:
    """Weights pruned wherever they are the lowest."""

    def __init__(self, matrices: Mapping[str, torch.Tensor], scope: Scope, scores: Scores) -> None:
        """Of these matrices, by name of parameter."""
        self.matrices, self.scope, self.scores = dict(matrices), scope, scores

    def zeros(self, sparsity: float) -> dict[str, torch.Tensor]:
        """True at each weight that is pruned."""
        return pruned_weights(self.matrices, sparsity, self.scope, self.scores)

    def reached(self, sparsity: float) -> float:
        """Share of the weights that are pruned."""
        masked = sum(int(where.sum()) for where in self.zeros(sparsity).values())
        return masked / sum(matrix.numel() for matrix in self.matrices.values())


class SomeOfEvery:
    """Of every ``m`` weights of one output, side by side among its inputs, the ``n`` highest stay."""

    def __init__(
        self, matrices: Mapping[str, torch.Tensor], transposed: set[str], n_m: str, scores: Scores
    ) -> None:  # fmt: skip
        """``transposed``: matrices whose first axis are the inputs; ``n_m`` such as ``2:4``.

        Raises:
            HarnessError: the inputs of a matrix are no multiple of m.
        """
        self.matrices, self.transposed, self.scores = dict(matrices), transposed, scores
        self.stay, self.every = map(int, n_m.split(":"))
        for name, matrix in self.matrices.items():
            inputs = matrix.shape[0 if name in transposed else 1]
            if inputs % self.every:
                raise HarnessError(
                    f"n_m: {n_m} does not divide {name}, which has {inputs} inputs; expected a multiple of {self.every}"
                )

    def zeros(self, sparsity: float) -> dict[str, torch.Tensor]:
        """True at each weight that is pruned; at sparsity 0 none."""
        return {
            name: self.of(number, name) if sparsity else torch.zeros_like(self.matrices[name], dtype=torch.bool)
            for number, name in enumerate(self.matrices)
        }

    def of(self, number: int, name: str) -> torch.Tensor:
        """The mask of one matrix."""
        matrix = self.matrices[name].T if name in self.transposed else self.matrices[name]
        rows = self.scores.of(number, [matrix]).view(-1, self.every)
        order = rows.argsort(dim=1, stable=True)[:, : self.every - self.stay]
        mask = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, order, value=True).view(matrix.shape)
        return mask.T.contiguous() if name in self.transposed else mask

    def reached(self, sparsity: float) -> float:
        """Share of the weights that are pruned."""
        return 1 - self.stay / self.every if sparsity else 0.0
