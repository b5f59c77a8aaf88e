"""Lanczos' method with full re-orthogonalisation, on several starting vectors in step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import HarnessError

BREAKDOWN = 100
"""An off-diagonal below so many roundings of the largest entry so far means that the Krylov space is exhausted."""


@dataclass(frozen=True, slots=True, eq=False)
class Tridiagonal:
    """``Q A Q' = T`` for the orthonormal rows of ``Q``.

    Attributes:
        diagonal: ``(m,)``.
        off_diagonal: ``(m - 1,)``, never negative.
        remainder: The next off-diagonal; zero where the Krylov space is invariant.
        basis: ``Q``, ``(m, P)``, or None where it was not kept.
    """

    diagonal: NDArray[np.float64]
    off_diagonal: NDArray[np.float64]
    remainder: float
    basis: Tensor | None = None

    def eigen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ritz values in ascending order and the eigenvectors of ``T``, one a column."""
        matrix = np.diag(self.diagonal) + np.diag(self.off_diagonal, 1) + np.diag(self.off_diagonal, -1)
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors

    def residual_bounds(self) -> NDArray[np.float64]:
        """``remainder |s_mi|``: within so much of Ritz value ``i`` lies an eigenvalue."""
        return self.remainder * np.abs(self.eigen()[1][-1])


def lanczos(
    product: Callable[[Tensor], Tensor], starts: Tensor, steps: int, keep_basis: bool = True
) -> list[Tridiagonal]:
    r"""Run ``steps`` products from each starting vector; all runs share one call of ``product`` a step.

    ``A q_j = b_{j-1} q_{j-1} + a_j q_j + b_j q_{j+1}``. Each new vector is made orthogonal to all before it,
    twice ("twice is enough", Parlett, The Symmetric Eigenvalue Problem, 1998, section 6.9), so that no
    eigenvalue comes back as a ghost. Ritz values at the ends converge first. From one start a repeated
    eigenvalue is found once. Lanczos (1950), doi:10.6028/jres.045.026.

    Args:
        product: Maps ``(k, P)`` to ``(k, P)``, symmetric.
        starts: ``(k, P)``; need not be normalised.
        steps: Products of each start; fewer are run where the Krylov space is exhausted.
        keep_basis: Whether each result holds its basis: ``steps * P`` numbers, needed during the run anyway.

    Raises:
        HarnessError: Fewer than one step, or a start of length zero.

    >>> matrix = torch.diag(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64))
    >>> run, = lanczos(lambda v: v @ matrix, torch.ones(1, 3, dtype=torch.float64), steps=3)
    >>> run.eigen()[0].round(6).tolist(), run.remainder
    ([1.0, 2.0, 4.0], 0.0)
    """
    if steps < 1:
        raise HarnessError(f"Lanczos' method was asked for {steps} steps; at least 1 is needed")
    runs = [_Run.begin(start, min(steps, starts.shape[1])) for start in starts]
    while active := [run for run in runs if run.active]:
        products = product(torch.stack([run.basis[run.done] for run in active]))
        for run, image in zip(active, products, strict=True):
            run.extend(image)
    return [run.result(keep_basis) for run in runs]


@dataclass(slots=True, eq=False)
class _Run:
    basis: Tensor
    done: int = 0
    active: bool = True
    diagonal: list[float] = field(default_factory=list)
    off_diagonal: list[float] = field(default_factory=list)

    @classmethod
    def begin(cls, start: Tensor, steps: int) -> _Run:
        norm = torch.linalg.vector_norm(start)
        if float(norm) == 0:
            raise HarnessError("Lanczos' method was given a start of length zero; draw another")
        basis = torch.empty(steps, len(start), dtype=start.dtype, device=start.device)
        basis[0] = start / norm
        return cls(basis)

    def extend(self, image: Tensor) -> None:
        self.diagonal.append(float(self.basis[self.done] @ image))
        known = self.basis[: self.done + 1]
        for _ in range(2):
            image = image - (known @ image) @ known
        off = float(torch.linalg.vector_norm(image))
        scale = max(np.abs(self.diagonal).max(), max(self.off_diagonal, default=0.0))
        if off <= BREAKDOWN * torch.finfo(image.dtype).eps * scale:
            off = 0.0
        self.off_diagonal.append(off)
        self.done += 1
        if off == 0.0 or self.done == len(self.basis):
            self.active = False
        else:
            self.basis[self.done] = image / off

    def result(self, keep_basis: bool) -> Tridiagonal:
        basis = self.basis[: self.done] if keep_basis else None
        return Tridiagonal(np.array(self.diagonal), np.array(self.off_diagonal[:-1]), self.off_diagonal[-1], basis)
