"""Lanczos' method on matrices whose eigenvalues are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matrices import symmetric
from torch import Tensor

from harness.errors import HarnessError
from harness.measures.flatness.lanczos import lanczos


def starts(count: int, size: int) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_all_steps_find_every_eigenvalue_of_either_sign() -> None:
    values = torch.linspace(-3, 5, 40).double()
    matrix = symmetric(values)
    (run,) = lanczos(lambda v: v @ matrix, starts(1, 40), steps=100)
    assert run.eigen()[0] == pytest.approx(values.numpy(), abs=1e-10)
    assert torch.allclose(run.basis @ run.basis.T, torch.eye(40).double(), atol=1e-13)
    tridiagonal = run.basis @ matrix @ run.basis.T
    assert tridiagonal.diagonal().numpy() == pytest.approx(run.diagonal, abs=1e-12)
    assert tridiagonal.diagonal(1).numpy() == pytest.approx(run.off_diagonal, abs=1e-12)


def test_residual_bounds_hold_and_are_met() -> None:
    """|A u - value u| is the bound, and an eigenvalue lies within it, though ghosts would come without care."""
    values = torch.cat([torch.linspace(0, 1, 97), torch.tensor([3.0, 5.0, 9.0])]).double()
    matrix = symmetric(values)
    (run,) = lanczos(lambda v: v @ matrix, starts(1, 100), steps=15)
    ritz, small = run.eigen()
    found = torch.as_tensor(small.T) @ run.basis
    measured = torch.linalg.vector_norm(found @ matrix - torch.as_tensor(ritz)[:, None] * found, dim=1)
    assert run.residual_bounds() == pytest.approx(measured.numpy(), abs=1e-12)
    gaps = np.abs(ritz[:, None] - values.numpy()).min(axis=1)
    assert (gaps <= run.residual_bounds() + 1e-12).all()
    assert ritz[-3:] == pytest.approx([3, 5, 9], abs=1e-8)


def test_no_ghosts_in_float32() -> None:
    """Long after the largest eigenvalue has converged it is found once."""
    values = torch.cat([torch.linspace(0, 1, 199), torch.tensor([50.0])]).double()
    matrix = symmetric(values).float()
    (run,) = lanczos(lambda v: v @ matrix, starts(1, 200).float(), steps=60)
    assert (run.eigen()[0] > 2).sum() == 1
    assert torch.allclose(run.basis @ run.basis.T, torch.eye(60), atol=1e-5)


def test_an_exhausted_space_ends_the_run() -> None:
    """Three distinct eigenvalues are three steps, and each is found once."""
    matrix = symmetric(torch.tensor([2.0] * 5 + [0.0] * 4 + [-1.0]))
    (run,) = lanczos(lambda v: v @ matrix, starts(1, 10), steps=8)
    assert run.eigen()[0] == pytest.approx([-1, 0, 2], abs=1e-12) and run.remainder == 0
    (flat,) = lanczos(lambda v: 0 * v, starts(1, 10), steps=8)
    assert flat.eigen()[0].tolist() == [0.0]


def test_several_starts_share_products_and_change_nothing() -> None:
    matrix = symmetric(torch.linspace(-1, 2, 30))
    calls = []

    def product(v: Tensor) -> Tensor:
        calls.append(len(v))
        return v @ matrix

    first = starts(3, 30)
    first[1] = torch.linalg.eigh(matrix).eigenvectors[:, 3]
    together = lanczos(product, first, steps=6, keep_basis=False)
    assert calls == [3, 2, 2, 2, 2, 2]
    for run, start in zip(together, first, strict=True):
        (alone,) = lanczos(lambda v: v @ matrix, start[None], steps=6)
        assert run.diagonal == pytest.approx(alone.diagonal, abs=1e-12) and run.basis is None


def test_nothing_to_start_from_is_refused() -> None:
    with pytest.raises(HarnessError, match="start of length zero"):
        lanczos(lambda v: v, torch.zeros(1, 3), steps=2)
    with pytest.raises(HarnessError, match="asked for 0 steps"):
        lanczos(lambda v: v, torch.ones(1, 3), steps=0)
