"""Outermost eigenvalues: exact on full matrices, their errors and their bias by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matrices import MatrixOperator, Population, symmetric

from harness.errors import HarnessError
from harness.measures.flatness.eigenvalues import EndValue, end_values, end_vectors, held_out
from harness.measures.flatness.lanczos import lanczos


def top(
    operator: MatrixOperator, largest: int = 1, smallest: int = 0, steps: int = 30, hold_out: bool = True
) -> list[EndValue]:
    start = torch.randn(operator.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (run,) = lanczos(lambda v: operator.apply(v).products, start[None], steps)
    vectors, _ = end_vectors(run, largest, smallest)
    halved = held_out(operator, start, steps, largest, smallest) if hold_out else None
    return end_values(operator, vectors, halved)


def test_both_ends_in_their_order() -> None:
    values = torch.cat([torch.tensor([-4.0, -2.0]), torch.linspace(-1, 1, 30), torch.tensor([3.0, 7.0])])
    found = top(MatrixOperator.of(symmetric(values)), largest=2, smallest=2, steps=34)
    assert [end.value for end in found] == pytest.approx([7, 3, -4, -2], abs=1e-10)
    assert max(end.residual for end in found) < 1e-6
    assert [end.held_out for end in found] == pytest.approx([7, 3, -4, -2], abs=1e-10)
    assert [end.corrected for end in found] == pytest.approx([7, 3, -4, -2], abs=1e-10)
    assert max(end.stderr for end in found) < 1e-12


def test_the_error_over_documents_is_the_slope_of_the_eigenvalue() -> None:
    """Documents that scale one matrix: the largest eigenvalue is the mean of the scales."""
    generator = np.random.default_rng(0)
    scales = generator.gamma(4, 0.25, 40)
    base = symmetric(torch.linspace(0, 2, 10))
    operator = MatrixOperator(torch.as_tensor(scales)[:, None, None] * base, np.ones(40, dtype=np.int64), np.arange(40))
    (found,) = top(operator)
    assert found.value == pytest.approx(2 * scales.mean(), rel=1e-10)
    assert found.stderr == pytest.approx(2 * scales.std(ddof=1) / np.sqrt(40), rel=1e-9)
    assert found.corrected == pytest.approx(found.held_out, rel=1e-9) == pytest.approx(found.value, rel=1e-9)


def test_more_eigenvalues_than_steps_are_refused() -> None:
    with pytest.raises(HarnessError, match="4 eigenvalues were asked for and Lanczos' method took 3 steps"):
        top(MatrixOperator.of(symmetric(torch.linspace(0, 1, 10))), largest=3, smallest=1, steps=3)


@pytest.mark.slow
@pytest.mark.parametrize(("population", "documents"), [(Population(), 32), (Population(), 64), (Population.wide(), 64)])
def test_the_interval_covers_the_population_eigenvalue(population: Population, documents: int) -> None:
    generator = np.random.default_rng(1)
    truth = float(torch.linalg.eigvalsh(population.matrix)[-1])
    found = [top(population.sample(documents, generator), hold_out=False)[0] for _ in range(500)]
    covered = np.mean([end.low <= truth <= end.high for end in found])
    assert 0.92 <= covered <= 0.98, covered


@pytest.mark.slow
def test_a_sample_shows_too_large_an_eigenvalue_and_held_out_documents_too_small_a_one() -> None:
    """128 parameters, 32 documents of few tokens: the two stand on either side, the corrected one between."""
    population, generator = Population.wide(), np.random.default_rng(2)
    truth = float(torch.linalg.eigvalsh(population.matrix)[-1])
    found = [top(population.sample(32, generator), steps=20)[0] for _ in range(100)]
    value, held, corrected = (np.array([getattr(e, n) for e in found]) for n in ("value", "held_out", "corrected"))
    noise = value.std() / np.sqrt(len(found))
    assert value.mean() > truth + 4 * noise
    assert held.mean() < truth - 4 * held.std() / np.sqrt(len(found))
    assert abs(corrected.mean() - truth) < 0.5 * (value.mean() - truth)
