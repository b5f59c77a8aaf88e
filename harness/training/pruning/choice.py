"""What is pruned of one model: single weights, some of every few in a row, whole heads or whole layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from harness.checkpoints.layer import is_transposed
from harness.checkpoints.layers import transformer_of
from harness.checkpoints.pruned import HELD
from harness.training.pruning import units
from harness.training.pruning.matrices import matrices_of, names_in_body
from harness.training.pruning.scores import Method, Scope, Scores
from harness.training.pruning.weights import SomeOfEvery, Weights

Structure = Literal["unstructured", "heads", "layers", "n:m"]


@dataclass(frozen=True, slots=True)
class Setting:
    """How weights are chosen, as the recipe of ``prune`` says it.

    Attributes:
        method: the smallest by magnitude, or random ones.
        scope: each matrix (heads: layer; layers: stack) to the sparsity, or all together.
        embeddings: whether the table of input embeddings is pruned.
        seed: of random choices.
        structure: what is pruned as a whole.
        n_m: how many of how many stay, such as ``2:4``.
        layers: by ``magnitude``, or from the ``top``.
        in_layers: numbers of the layers that are pruned, an encoder's first; all, and what is outside, where None.
    """

    method: Method = "magnitude"
    scope: Scope = "local"
    embeddings: bool = True
    seed: int = 0
    structure: Structure = "unstructured"
    n_m: str | None = None
    layers: Literal["magnitude", "top"] = "magnitude"
    in_layers: Sequence[int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As ``config.json`` keeps it."""
        return asdict(self) | {"in_layers": None if self.in_layers is None else list(self.in_layers)}


class Choice:
    """What is pruned of a model at a sparsity; asked again while the model is trained, it goes by the weights of then."""

    def __init__(self, model: Any, setting: Setting) -> None:
        """Find the matrices.

        Raises:
            HarnessError: there are none, the model has no layers or heads that are known, or n:m does not divide it.
        """
        self.model = model
        self.structure = structure_of(model, setting)
        self.matrices = self.structure.matrices

    @property
    def size(self) -> int:
        """Weights of all matrices that may be pruned."""
        return sum(matrix.numel() for matrix in self.matrices.values())

    def zeros(self, sparsity: float) -> dict[str, torch.Tensor]:
        """True at each weight that is pruned, by name of parameter; matrices of which none is are left out."""
        return {name: zeros for name, zeros in self.structure.zeros(sparsity).items() if zeros.any()}

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


def structure_of(model: Any, setting: Setting) -> Weights | SomeOfEvery | units.Units:
    """What is pruned as a whole."""
    scores = Scores(setting.method, setting.seed)
    if setting.structure == "heads":
        return units.heads(transformer_of(model), setting.in_layers, setting.scope, scores)
    if setting.structure == "layers":
        top = setting.layers == "top" and setting.method == "magnitude"
        return units.layers(transformer_of(model), setting.in_layers, setting.scope, scores, top=top)
    matrices = matrices_of(model, setting.embeddings)
    if setting.in_layers is not None:
        inside = {m.name for layer in transformer_of(model).chosen(setting.in_layers) for m in layer.matrices}
        matrices = {name: matrix for name, matrix in matrices.items() if name in inside}
    if setting.structure == "n:m":
        transposed = {f"{name}.weight" for name, module in model.named_modules() if is_transposed(module)}
        return SomeOfEvery(matrices, transposed, setting.n_m or "", scores)
    return Weights(matrices, setting.scope, scores)
