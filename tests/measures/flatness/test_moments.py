"""Trace, norm and effective rank by enumerated probes, and their errors by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from matrices import MatrixOperator, Population

from harness.measures.flatness.fixed_set import sign_probes
from harness.measures.flatness.moments import moments


def test_all_signs_give_the_exact_values() -> None:
    """Enumerated, the mean over probes is the expectation: trace and squared norm of an indefinite matrix."""
    generator = np.random.default_rng(0)
    raw = torch.as_tensor(generator.standard_normal((6, 4, 4)))
    operator = MatrixOperator(raw + raw.transpose(1, 2), np.array([1, 2, 3, 1, 2, 3]), np.arange(6))
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4)), dtype=torch.float64)
    found = moments(operator, signs)
    matrix = operator.mean()
    assert found.trace.value == pytest.approx(float(matrix.trace()), rel=1e-12)
    assert found.frobenius_squared.value == pytest.approx(float(matrix.square().sum()), rel=1e-12)
    first, second = (operator.restricted(np.arange(6) % 2 == half).mean() for half in (0, 1))
    overlap = float((first * second).sum())
    assert found.frobenius_squared_held_out == pytest.approx(overlap, rel=1e-12)
    assert overlap < 0 and found.effective_rank_held_out is None


def test_effective_rank_of_equal_eigenvalues_is_their_number() -> None:
    operator = MatrixOperator.of(3 * torch.eye(7).double())
    found = moments(operator, sign_probes(operator, 3, 0, "test"))
    assert found.effective_rank.value == pytest.approx(7, rel=1e-12)
    assert found.effective_rank_held_out == pytest.approx(7, rel=1e-12)
    assert found.effective_rank.stderr == pytest.approx(0, abs=1e-10)


@pytest.mark.slow
def test_intervals_cover_the_population() -> None:
    """Softmax regression, 64 documents, 12 probes: trace, norm and effective rank."""
    population, generator = Population(), np.random.default_rng(0)
    trace, norm = float(population.matrix.trace()), float(population.matrix.square().sum())
    inside, runs = np.zeros(3), 400
    for run in range(runs):
        operator = population.sample(64, generator)
        found = moments(operator, sign_probes(operator, 12, run, "test"))
        pairs = ((found.trace, trace), (found.frobenius_squared, norm), (found.effective_rank, trace**2 / norm))
        inside += [e.low <= truth <= e.high for e, truth in pairs]
    assert ((inside / runs > 0.91) & (inside / runs < 0.99)).all(), inside / runs


@pytest.mark.slow
def test_a_sample_has_too_large_a_norm_and_too_small_a_rank() -> None:
    """128 parameters, 32 documents; two halves with a factor each have not."""
    population, generator, runs = Population.wide(), np.random.default_rng(0), 100
    trace, norm = float(population.matrix.trace()), float(population.matrix.square().sum())
    found = []
    for run in range(runs):
        operator = population.sample(32, generator)
        found.append(moments(operator, sign_probes(operator, 12, run, "test")))
    plain, held = (
        np.array([f(m) for m in found])
        for f in (lambda m: m.frobenius_squared.value, lambda m: m.frobenius_squared_held_out)
    )
    ranks, held_ranks = (
        np.array([f(m) for m in found]) for f in (lambda m: m.effective_rank.value, lambda m: m.effective_rank_held_out)
    )
    assert plain.mean() > norm + 4 * plain.std() / np.sqrt(runs)
    assert abs(held.mean() - norm) < 4 * held.std() / np.sqrt(runs)
    rank = trace**2 / norm
    assert ranks.mean() < rank - 4 * ranks.std() / np.sqrt(runs)
    assert abs(held_ranks.mean() / rank - 1) < 0.5 * abs(ranks.mean() / rank - 1)
