"""The trainable parameters of a model, cut into rows: one row per output unit, and into parts: one per matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.checkpoints.layer import is_transposed
from harness.checkpoints.packed import packed_parts
from harness.errors import HarnessError
from harness.results.signature import digest


@dataclass(frozen=True, slots=True, eq=False)
class ParameterLayout:
    """Trainable tensors, each counted once, with the weight of each of their rows and parts.

    A row is what feeds one output unit: a row of a Linear weight, a column of a GPT-2 ``Conv1D`` weight
    (which is stored transposed), a token's embedding, one element of a bias or of a norm's gain.
    A part is a tensor, or the queries, the keys or the values of a tensor that holds all three.

    Attributes:
        names: First name of each tensor.
        tensors: The tensors that require a gradient.
        transposed: Whether rows of the layout are columns of the tensor.
        row_weight: ``mean(w_row^2)`` of all rows, one tensor after another.
        part_of_row: The part that each row belongs to.
        tensor_of_part: The tensor that each part belongs to.
        tied: Further names of tensors that are shared.
        frozen: Parameters left out since they require no gradient.
    """

    names: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    transposed: tuple[bool, ...]
    row_weight: NDArray[np.float64]
    part_of_row: NDArray[np.int64]
    tensor_of_part: NDArray[np.int64]
    tied: tuple[str, ...]
    frozen: int

    @property
    def parameters(self) -> int:
        """Number of trainable parameters, shared ones counted once."""
        return sum(tensor.numel() for tensor in self.tensors)

    @property
    def parts(self) -> int:
        """Number of parts."""
        return len(self.tensor_of_part)

    @property
    def part_weight(self) -> NDArray[np.float64]:
        """``mean(w^2)`` of each part: the mean of that of its rows, which are equally long."""
        return self._by_part(self.row_weight) / np.bincount(self.part_of_row)

    @property
    def fingerprint(self) -> str:
        """A hash that models of one architecture and size share: names and shapes of the tensors."""
        return digest([[n, list(t.shape)] for n, t in zip(self.names, self.tensors, strict=True)] + [list(self.tied)])

    @classmethod
    def of(cls, model: nn.Module) -> ParameterLayout:
        """Read the layout of a model.

        Raises:
            HarnessError: No parameter requires a gradient.
        """
        named = {name: p for name, p in model.named_parameters() if p.requires_grad and p.numel()}
        if not named:
            raise HarnessError("the model has no parameter that requires a gradient; call model.requires_grad_(True)")
        columns = set(_stored_transposed(model))
        transposed = tuple(id(p) in columns for p in named.values())
        squares = [
            square_rows(p.detach(), t) / (p.numel() // row_count(p, t))
            for p, t in zip(named.values(), transposed, strict=True)
        ]
        config = getattr(model, "config", None)
        inside = [packed_parts(name, len(rows), config) for name, rows in zip(named, squares, strict=True)]
        counts = [int(parts.max()) + 1 for parts in inside]
        starts = np.cumsum([0, *counts[:-1]])
        return cls(
            names=tuple(named),
            tensors=tuple(named.values()),
            transposed=transposed,
            row_weight=torch.cat(squares).double().cpu().numpy(),
            part_of_row=np.concatenate([parts + start for parts, start in zip(inside, starts, strict=True)]),
            tensor_of_part=np.repeat(np.arange(len(counts)), counts),
            tied=tuple(sorted({n for n, _ in model.named_parameters(remove_duplicate=False)} - _first_names(model))),
            frozen=sum(p.numel() for p in model.parameters() if not p.requires_grad),
        )

    def products(self, left: Sequence[Tensor], right: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Inner product of every row of ``left`` with the same row of ``right``."""
        return [
            None if b is None else as_rows(a * b, t).sum(1)
            for a, b, t in zip(left, right, self.transposed, strict=True)
        ]

    def sums(self, rows: Sequence[Tensor | None]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sum row values per part in float64: plain, and weighted by ``mean(w_row^2)``.

        Args:
            rows: For each tensor its row values, or None for zeros.

        Returns:
            Two arrays, one number per part.
        """
        counts = [row_count(tensor, t) for tensor, t in zip(self.tensors, self.transposed, strict=True)]
        values = np.concatenate(
            [np.zeros(n) if r is None else r.numpy(force=True) for n, r in zip(counts, _on_cpu(rows), strict=True)],
            dtype=np.float64,
        )
        return self._by_part(values), self._by_part(values * self.row_weight)

    def _by_part(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self.part_of_row, rows, self.parts).astype(np.float64, copy=False)


def as_rows(tensor: Tensor, transposed: bool) -> Tensor:
    """View a tensor as ``(rows, elements of a row)``; a vector's rows are its elements."""
    if transposed:
        return tensor.t()
    if tensor.ndim < 2:
        return tensor.reshape(-1, 1)
    return tensor.reshape(row_count(tensor, transposed), -1)


def row_count(tensor: Tensor, transposed: bool) -> int:
    """Number of rows: output units of a matrix or of a stack of matrices, elements of a vector."""
    if transposed:
        return tensor.shape[1]
    return tensor.numel() if tensor.ndim < 2 else tensor.numel() // tensor.shape[-1]


def square_rows(tensor: Tensor, transposed: bool) -> Tensor:
    """Squared norm of each row in float32 (float64 for float64)."""
    wide = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    if transposed:
        # A norm down the columns of a row-major matrix is 15 times slower than this product and its sum.
        return tensor.to(wide).square().sum(0)
    return torch.linalg.vector_norm(as_rows(tensor, transposed), dim=1, dtype=wide).square_()


def row_root_mean_squares(tensor: Tensor, transposed: bool) -> Tensor:
    """Root mean square of each row, in a shape that multiplies the tensor."""
    squares = square_rows(tensor.detach(), transposed) / (tensor.numel() // row_count(tensor, transposed))
    roots = squares.sqrt_().to(tensor.dtype)
    if transposed:
        return roots[None]
    return roots.view(tensor.shape) if tensor.ndim < 2 else roots.view(*tensor.shape[:-1], 1)


def _on_cpu(rows: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Bring rows to the CPU in one transfer, since each transfer waits for the device."""
    present = [r for r in rows if r is not None]
    if not present or present[0].device.type == "cpu":
        return list(rows)
    parts: Iterator[Tensor] = iter(torch.cat(present).cpu().split([len(r) for r in present]))
    return [None if r is None else next(parts) for r in rows]


def _stored_transposed(model: nn.Module) -> Iterator[int]:
    """Identities of weights stored as (inputs, outputs)."""
    for module in model.modules():
        if is_transposed(module):
            yield id(module.weight)


def _first_names(model: nn.Module) -> set[str]:
    return {name for name, _ in model.named_parameters()}
