"""What is pruned of one model: its matrices, its heads, its layers, or n of every m weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from harness.checkpoints.pruned import HELD
from harness.training.pruning.matrices import matrices_of, names_in_body
from harness.training.pruning.scores import Method, Scope, Scores, pruned_weights


@dataclass(frozen=True, slots=True)
class Setting:
    """How weights are chosen, as the recipe of ``prune`` says it.

    Attributes:
        method: the smallest by magnitude, or random ones.
        scope: each matrix to the sparsity, or all of them together.
        embeddings: whether the table of input embeddings is pruned.
        seed: of random choices.
    """

    method: Method = "magnitude"
    scope: Scope = "local"
    embeddings: bool = True
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As ``config.json`` keeps it."""
        return asdict(self)


class Choice:
    """What is pruned of a model at a sparsity; asked again while the model is trained, it goes by the weights of then."""

    def __init__(self, model: Any, setting: Setting) -> None:
        """Find the matrices.

        Raises:
            HarnessError: there are none.
        """
        self.model, self.setting = model, setting
        self.matrices = matrices_of(model, setting.embeddings)
        self.scores = Scores(setting.method, setting.seed)

    @property
    def size(self) -> int:
        """Weights of all matrices, of which the sparsity is a share."""
        return sum(matrix.numel() for matrix in self.matrices.values())

    def zeros(self, sparsity: float) -> dict[str, torch.Tensor]:
        """True at each weight that is pruned, by name of parameter; matrices of which none is are left out."""
        found = pruned_weights(self.matrices, sparsity, self.setting.scope, self.scores)
        return {name: zeros for name, zeros in found.items() if zeros.any()}

    def prune(self, sparsity: float) -> dict[str, torch.Tensor]:
        """Make these weights zero; returns where they are."""
        zeros = self.zeros(sparsity)
        with torch.no_grad():
            for name, where in zeros.items():
                self.matrices[name].masked_fill_(where, 0)
        return zeros

    def held(self, sparsity: float) -> dict[str, Any]:
        """What ``config.json`` says of a model whose zeros are masks: those of all matrices, once anything is pruned."""
        return {"regime": HELD, "matrices": names_in_body(self.model, self.matrices) if sparsity else []}
