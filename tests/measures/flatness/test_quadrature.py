"""Stochastic Lanczos quadrature against power sums and densities that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matrices import MatrixOperator, symmetric

from harness.measures.flatness.fixed_set import sign_probes
from harness.measures.flatness.lanczos import lanczos
from harness.measures.flatness.quadrature import Quadrature

MIXED = torch.cat([torch.linspace(-1, 1, 60), torch.tensor([3.0, 6.0])]).double()


def quadrature(matrix: torch.Tensor, probes: int, steps: int) -> tuple[Quadrature, torch.Tensor]:
    operator = MatrixOperator.of(matrix)
    signs = sign_probes(operator, probes, 0, "test")
    return Quadrature.of(lanczos(lambda v: operator.apply(v).products, signs, steps)), signs


def test_a_probe_is_exact_on_a_diagonal_matrix() -> None:
    """Signs have the same weight on every eigenvalue there: density, moments and negative share are exact."""
    rule, _ = quadrature(torch.diag(MIXED), probes=2, steps=62)
    for power in range(6):
        assert rule.mean_powers(power) == pytest.approx([float((MIXED**power).mean())] * 2, abs=1e-10)
    expected = float(MIXED.clamp(max=0).abs().sum() / MIXED.abs().sum())
    assert rule.negative_share() == (pytest.approx(expected, abs=1e-10), pytest.approx(0, abs=1e-10))
    density = rule.density()
    exact = np.exp(-0.5 * ((density.grid - MIXED.numpy()[:, None]) / density.width) ** 2).mean(0)
    exact /= density.width * np.sqrt(2 * np.pi)
    assert density.density == pytest.approx(exact, abs=1e-8)
    assert density.stderr.max() < 1e-8


def test_few_steps_are_exact_for_powers_below_twice_their_number() -> None:
    matrix = symmetric(MIXED)
    rule, signs = quadrature(matrix, probes=3, steps=3)
    for power in range(6):
        exact = torch.einsum("kp,pq,kq->k", signs, torch.linalg.matrix_power(matrix, power), signs) / len(matrix)
        assert rule.mean_powers(power) == pytest.approx(exact.numpy(), rel=1e-10)
    seventh = torch.einsum("kp,pq,kq->k", signs, torch.linalg.matrix_power(matrix, 7), signs) / len(matrix)
    assert rule.mean_powers(7) != pytest.approx(seventh.numpy(), rel=1e-6)


def test_density_integrates_to_one_and_its_mean_is_the_trace() -> None:
    matrix = symmetric(MIXED)
    rule, signs = quadrature(matrix, probes=5, steps=10)
    density = rule.density()
    hutchinson = float(((signs @ matrix) * signs).sum(1).mean())
    assert float(np.trapezoid(density.density, density.grid)) == pytest.approx(1, abs=1e-8)
    assert density.mean() * len(matrix) == pytest.approx(hutchinson, rel=1e-7)


def test_errors_over_probes_have_the_right_size() -> None:
    """A rule of many probes is split: the error that each part states is the spread between the parts."""
    rule, _ = quadrature(symmetric(MIXED), probes=240, steps=20)
    parts = [Quadrature(rule.nodes[n : n + 6], rule.weights[n : n + 6]) for n in range(0, 240, 6)]
    found = np.array([part.negative_share() for part in parts])
    assert 0.75 < np.sqrt((found[:, 1] ** 2).mean()) / found[:, 0].std() < 1.35
    exact = float(MIXED.clamp(max=0).abs().sum() / MIXED.abs().sum())
    assert abs(found[:, 0].mean() - exact) < 4 * found[:, 0].std() / np.sqrt(len(parts)) + 0.01


def test_one_eigenvalue_is_one_peak() -> None:
    for value in (2.0, 0.0):
        rule, _ = quadrature(value * torch.eye(5).double(), probes=2, steps=4)
        density = rule.density()
        assert density.grid[density.density.argmax()] == pytest.approx(value) and density.width == pytest.approx(
            (value or 1) / 200
        )
        assert rule.negative_share() == (0.0, 0.0)
