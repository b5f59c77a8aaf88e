"""Hutch++ and XTrace: unbiased, nearer than Hutchinson's estimator, and honest about both kinds of error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from matrices import MatrixOperator, Population, symmetric
from small_models import bart, bert, gauss_newton, gpt2, texts
from torch import nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.fixed_set import sign_probes
from harness.measures.flatness.hutch_plus_plus import hutch_plus_plus, hutch_plus_plus_of
from harness.measures.flatness.operator import CurvatureOperator
from harness.measures.flatness.sketch import Sketched, with_errors
from harness.measures.flatness.xtrace import xtrace, xtrace_of

SEQ2SEQ = pytest.param(bart, "seq2seq", marks=pytest.mark.slow)
SKETCHES = [hutch_plus_plus_of, xtrace_of]
FAST = torch.cat([1 / torch.arange(1, 81).double() ** 1.5, torch.zeros(20).double()])
MIXED = FAST * (-1.0) ** torch.arange(100)
Sketch = Callable[[MatrixOperator, int, int], Sketched]


def repeated(sketch: Sketch, operator: MatrixOperator, products: int, times: int = 120) -> tuple[np.ndarray, ...]:
    found = [sketch(operator, products, seed) for seed in range(times)]
    return np.array([f.value for f in found]), np.array([f.probe_stderr for f in found])


@pytest.mark.slow
@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize(("values", "products"), [(FAST, 12), (FAST, 36), (MIXED, 12), (MIXED, 36)])
def test_unbiased_with_an_honest_error(sketch: Sketch, values: torch.Tensor, products: int) -> None:
    found, stderr = repeated(sketch, MatrixOperator.of(symmetric(values)), products)
    assert abs(found.mean() - float(values.sum())) < 4 * found.std() / np.sqrt(len(found))
    assert 0.7 < np.sqrt((stderr**2).mean()) / found.std() < 1.3


@pytest.mark.parametrize("sketch", SKETCHES)
def test_a_matrix_of_low_rank_is_exact(sketch: Sketch) -> None:
    """As many probes as directions, less one for XTrace's left-out one; all of the space is exact too."""
    low = torch.tensor([5.0, -3.0, 1.0] + [0.0] * 37)
    for values, products in ((low, 12), (torch.linspace(-1, 2, 6), 18)):
        found = sketch(MatrixOperator.of(symmetric(values)), products, 0)
        assert found.value == pytest.approx(float(values.sum()), abs=1e-10)
        assert found.probe_stderr < 1e-10


@pytest.mark.parametrize("sketch", SKETCHES)
def test_terms_are_the_parts_of_the_estimate(sketch: Sketch) -> None:
    operator = Population().sample(9, np.random.default_rng(0))
    found = sketch(operator, 12, 3)
    assert found.terms.sum() / operator.tokens.sum() == pytest.approx(found.value, rel=1e-12)
    whole = sketch(operator, 3 * operator.size, 3)
    assert whole.terms == pytest.approx(torch.einsum("npp->n", operator.matrices).numpy(), rel=1e-9)


@pytest.mark.slow
def test_on_gpt2_both_are_nearer_than_hutchinson_at_36_products() -> None:
    """The full Gauss-Newton matrix of the small GPT-2: 5 and 11 times when this was written."""
    model, sequences = gpt2(), texts(6, length=8)
    matrix = sum(gauss_newton(model, s, "causal") for s in sequences) / 42
    operator, exact = MatrixOperator.of(matrix), float(matrix.trace())
    signs = sign_probes(operator, 36 * 100, 0, "hutchinson")
    plain = ((signs @ matrix) * signs).sum(1).reshape(100, 36).mean(1).numpy()
    errors = [float(np.sqrt(((values - exact) ** 2).mean())) for values in
              (plain, *(repeated(sketch, operator, 36, 100)[0] for sketch in SKETCHES))]  # fmt: skip
    assert errors[0] > 3 * errors[1] and errors[0] > 5 * errors[2]


@pytest.mark.slow
@pytest.mark.parametrize("sketch", SKETCHES)
def test_the_interval_covers_the_population_trace(sketch: Sketch) -> None:
    """Errors of probes and of documents of like size."""
    population, generator = Population.wide(), np.random.default_rng(0)
    truth, inside = float(population.matrix.trace()), 0
    for run in range(400):
        operator = population.sample(48, generator)
        estimate = with_errors(operator, sketch(operator, 48, run))
        inside += estimate.low <= truth <= estimate.high
    assert 0.92 <= inside / 400 <= 0.98, inside / 400


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [hutch_plus_plus, xtrace])
@pytest.mark.parametrize(("make", "objective"), [(gpt2, "causal"), (bert, "masked"), SEQ2SEQ])
def test_on_models(estimator: Callable, make: Callable[[], nn.Module], objective: str) -> None:
    """Three families, once each: the exact trace lies within the error of the probes."""
    model, sequences, seen = make(), texts(4, length=4, objective=objective), []
    result = estimator(
        model, sequences, objective=objective, seed=1, products=24, minimum=4, progress=lambda n, _: seen.append(n)
    )
    exact = sum(float(gauss_newton(model, s, objective).trace()) for s in sequences) / result.tokens
    assert abs(result.trace.value - exact) < 4 * result.trace.probe_stderr < exact
    assert seen[-1] == result.products == 24 and seen == sorted(seen)
    assert (result.clusters, result.sequences, result.parameters) == (4, 4, sum(p.numel() for p in model.parameters()))
    assert result.trace.stderr == pytest.approx(np.hypot(result.trace.probe_stderr, result.trace.document_stderr))


@cache
def hessian_trace_by_products() -> float:
    exact = CurvatureOperator(gpt2(), texts(4), "causal", "hessian")
    return float(exact.apply(torch.eye(exact.size).double()).products.trace())


@pytest.mark.slow
@pytest.mark.parametrize("sketch", SKETCHES)
def test_the_hessian_of_a_model(sketch: Sketch) -> None:
    """An indefinite matrix of a model in float32, against its float64 trace."""
    operator = CurvatureOperator(gpt2(torch.float32), texts(4), "causal", "hessian")
    found = sketch(operator, 36, 0)
    assert abs(found.value - hessian_trace_by_products()) < 4 * found.probe_stderr


@pytest.mark.parametrize("estimator", [hutch_plus_plus, xtrace])
def test_bad_input_is_one_clear_message(estimator: Callable) -> None:
    options = {"objective": "causal", "seed": 0, "minimum": 4}
    with pytest.raises(HarnessError, match=r"on 312 parameters would hold \d+ vectors .* 0.0 GiB.* at most 300"):
        estimator(gpt2(), texts(4), limit=300, **options)
    with pytest.raises(HarnessError, match="found 31 sequences from 31 documents; .* at least 32"):
        estimator(gpt2(), texts(31), **{**options, "minimum": 32})
    with pytest.raises(HarnessError, match="was given 3 products"):
        estimator(gpt2(), texts(4), products=3, **options)
    with pytest.raises(HarnessError, match="bfloat16"):
        estimator(gpt2(torch.bfloat16), texts(4), **options)
    with pytest.raises(HarnessError, match="returns no logits"):
        estimator(bert().bert, texts(4, objective="masked"), **{**options, "objective": "masked"})
    unscored = [ScoredSequence(s.ids, torch.full_like(s.ids, -100), s.cluster, s.key) for s in texts(4)]
    with pytest.raises(HarnessError, match="no sequence has a scored token"):
        estimator(gpt2(), unscored, **options)
