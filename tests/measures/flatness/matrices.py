"""Operators whose matrices are written out, and softmax regression with a population that is known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.measures.flatness.operator import Applied


class MatrixOperator:
    """One dense matrix per sequence, ``(N, P, P)``."""

    def __init__(self, matrices: Tensor, tokens: NDArray[np.int64], clusters: NDArray[np.int64]) -> None:
        self.matrices, self.tokens, self.clusters = matrices, tokens, clusters
        self.size, self.dtype, self.device = matrices.shape[1], matrices.dtype, matrices.device

    @classmethod
    def of(cls, matrix: Tensor, sequences: int = 4) -> MatrixOperator:
        """Sequences that all have the same matrix, of one token each."""
        return cls(matrix.expand(sequences, -1, -1), np.ones(sequences, dtype=np.int64), np.arange(sequences))

    def apply(self, vectors: Tensor, against: Tensor | None = None) -> Applied:
        if against is None:
            return Applied(vectors @ self.mean(), None)
        products = torch.einsum("npq,kq->nkp", self.matrices, vectors)
        terms = torch.einsum("ip,nkp->nik", against, products).numpy()
        return Applied(products.sum(0) / int(self.tokens.sum()), terms)

    def restricted(self, keep: NDArray[np.bool_]) -> MatrixOperator:
        return MatrixOperator(self.matrices[torch.as_tensor(keep)], self.tokens[keep], self.clusters[keep])

    def mean(self) -> Tensor:
        return self.matrices.sum(0) / int(self.tokens.sum())


class Population:
    """Softmax regression on 30 features, all equally likely: one curvature matrix for each, Hessian and Gauss-Newton."""

    def __init__(self, dimensions: int = 4, classes: int = 5, features: int = 30, scale: float = 0.5) -> None:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(features, dimensions, generator=generator, dtype=torch.float64)
        x *= torch.linspace(2, 0.5, dimensions, dtype=torch.float64)
        weight = scale * torch.randn(classes, dimensions, generator=generator, dtype=torch.float64)
        p = (x @ weight.T).softmax(1)
        inner = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        size = classes * dimensions
        self.by_feature = torch.einsum("fab,fi,fj->faibj", inner, x, x).reshape(features, size, size)
        self.matrix = self.by_feature.mean(0)

    @classmethod
    def wide(cls) -> Population:
        """128 parameters, of which a few documents know little."""
        return cls(dimensions=16, classes=8, features=300, scale=0.3)

    def sample(self, documents: int, generator: np.random.Generator) -> MatrixOperator:
        """Documents of 5 to 19 tokens."""
        tokens = generator.integers(5, 20, documents)
        chances = np.full(len(self.by_feature), 1 / len(self.by_feature))
        counts = np.stack([generator.multinomial(n, chances) for n in tokens])
        matrices = torch.einsum("sf,fpq->spq", torch.as_tensor(counts).double(), self.by_feature)
        return MatrixOperator(matrices, tokens, np.arange(documents))


def symmetric(values: Tensor, seed: int = 0) -> Tensor:
    """A dense matrix with these eigenvalues."""
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(len(values), len(values), generator=generator, dtype=torch.float64))
    return (basis * values.double()) @ basis.T
