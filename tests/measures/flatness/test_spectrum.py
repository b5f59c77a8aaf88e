"""The whole spectrum of small models against their full matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from small_models import bart, bert, gauss_newton, gpt2, hessian_by_differences, texts
from torch import nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.operator import CurvatureOperator
from harness.measures.flatness.spectrum import SpectrumResult, expected_products, runs_at_once, spectrum

SEQ2SEQ = pytest.param(bart, "seq2seq", marks=pytest.mark.slow)
OPTIONS = {"objective": "causal", "seed": 0, "minimum": 4, "hold_out": False}


def check_against(result: SpectrumResult, matrix: torch.Tensor, tolerance: float = 1e-8) -> None:
    values = torch.linalg.eigvalsh(matrix).numpy()
    count = len(result.largest)
    assert [end.value for end in result.largest] == pytest.approx(values[::-1][:count], abs=tolerance)
    sums = result.moments
    for found, exact in ((sums.trace, values.sum()), (sums.frobenius_squared, (values**2).sum())):
        assert abs(found.value - exact) < 5 * found.probe_stderr
    for power in (1, 2, 3, 4):
        estimates = result.quadrature.mean_powers(power)
        spread = estimates.std(ddof=1) / np.sqrt(len(estimates))
        assert abs(estimates.mean() - (values**power).mean()) < 5 * spread
    assert result.density.mean() * result.parameters == pytest.approx(sums.trace.value, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "objective"), [(gpt2, "causal"), (bert, "masked"), SEQ2SEQ])
def test_gauss_newton_spectrum_is_that_of_the_full_matrix(make: Callable[[], nn.Module], objective: str) -> None:
    model, sequences = make(), texts(4, length=4, objective=objective)
    result = spectrum(model, sequences, **{**OPTIONS, "objective": objective}, steps=30, probes=6, eigenvalues=3)
    check_against(result, sum(gauss_newton(model, s, objective) for s in sequences) / result.tokens)
    assert result.smallest == () and result.negative_share is None and result.warnings == ()
    for direction in result.directions:
        assert sum(direction.by_block.values()) == pytest.approx(1)
        assert sum(direction.by_layer.values()) == pytest.approx(1)
    assert {"embedding", "attention", "mlp", "norm+bias"} <= set(result.directions[0].by_block)


@pytest.mark.slow
def test_hessian_spectrum_is_that_of_the_full_matrix() -> None:
    """Both ends, the norm and the share of negative mass of a matrix formed from differences of gradients."""
    model, sequences = gpt2(), texts(4, length=4)
    result = spectrum(model, sequences, **OPTIONS, matrix="hessian", steps=80, probes=8, eigenvalues=4)
    full = sum(hessian_by_differences(model, s, "causal") for s in sequences) / result.tokens
    full = (full + full.T) / 2
    check_against(result, full, tolerance=1e-5)
    values = torch.linalg.eigvalsh(full).numpy()
    assert [end.value for end in result.smallest] == pytest.approx(values[:4], abs=1e-5)
    share = -values[values < 0].sum() / np.abs(values).sum()
    assert abs(result.negative_share - share) < 5 * result.negative_share_stderr
    rank = values.sum() ** 2 / (values**2).sum()
    assert abs(result.moments.effective_rank.value - rank) < 5 * result.moments.effective_rank.probe_stderr


def test_progress_counts_products_and_tells_the_precision() -> None:
    seen: list[tuple[int, float | None]] = []
    plan = {"matrix": "hessian", "steps": 8, "probes": 3, "eigenvalues": 2}
    result = spectrum(
        gpt2(), texts(4), **{**OPTIONS, "hold_out": True}, **plan, progress=lambda *state: seen.append(state)
    )
    counts = [done for done, _ in seen]
    assert counts == sorted(counts) and counts[-1] == result.products == expected_products(**plan)
    assert seen[0][1] is None and seen[-1][1] > 0
    assert all(end.held_out is not None for end in (*result.largest, *result.smallest))


def test_order_seed_and_memory() -> None:
    """The order of sequences changes rounding alone; little memory runs probes one by one, to the same numbers."""
    model, plan = gpt2(), {"steps": 6, "probes": 2, "eigenvalues": 2}
    forth = spectrum(model, texts(4), **OPTIONS, **plan)
    back = spectrum(model, texts(4)[::-1], **OPTIONS, **plan)
    single = spectrum(model, texts(4), **OPTIONS, **plan, memory=6 * 312 * 8)
    for other in (back, single):
        assert other.largest[1].value == pytest.approx(forth.largest[1].value, rel=1e-9)
        assert other.density.density == pytest.approx(forth.density.density, rel=1e-6, abs=1e-9)
    assert spectrum(model, texts(4), **{**OPTIONS, "seed": 1}, **plan).moments.trace != forth.moments.trace


def test_float32_resolves_the_ends() -> None:
    plan = {"steps": 20, "probes": 2, "eigenvalues": 2}
    exact, short = (spectrum(gpt2(dtype), texts(4), **OPTIONS, **plan) for dtype in (torch.float64, torch.float32))
    assert [e.value for e in short.largest] == pytest.approx([e.value for e in exact.largest], rel=1e-4)
    assert short.largest[0].residual < 1e-4 * short.largest[0].value


def test_too_few_steps_are_said() -> None:
    result = spectrum(gpt2(), texts(4), **OPTIONS, steps=5, probes=2, eigenvalues=5)
    assert "not resolved to 1% of the largest: raise steps" in result.warnings[0]


def test_maximum_takes_the_first_sequences() -> None:
    whole = spectrum(gpt2(), texts(6), **OPTIONS, steps=3, probes=2, eigenvalues=1, maximum=4)
    part = spectrum(gpt2(), texts(6)[:4], **OPTIONS, steps=3, probes=2, eigenvalues=1)
    assert whole.largest == part.largest and (whole.sequences, whole.tokens, whole.bytes) == (4, 16, 60)


def test_bad_input_is_one_clear_message() -> None:
    options = {**OPTIONS, "steps": 3, "probes": 2, "eigenvalues": 1}
    for count, found in ((31, "31 sequences from 31"), (2, "2 sequences from 2")):
        with pytest.raises(HarnessError, match=f"found {found} documents; .* at least 32"):
            spectrum(gpt2(), texts(count), **{**options, "minimum": 32})
    with pytest.raises(HarnessError, match=r"raise maximum \(now 33 sequences\)"):
        halved = [ScoredSequence(s.ids, s.labels, int(s.key) // 2, s.key) for s in texts(40)]
        spectrum(gpt2(), halved, **{**options, "minimum": 32}, maximum=33)
    with pytest.raises(HarnessError, match="no sequence has a scored token"):
        spectrum(gpt2(), [], **options)
    with pytest.raises(HarnessError, match="minimum is 2 documents"):
        spectrum(gpt2(), texts(4), **{**options, "minimum": 2})
    with pytest.raises(HarnessError, match="probes is 1"):
        spectrum(gpt2(), texts(4), **{**options, "probes": 1})
    with pytest.raises(HarnessError, match=r"as eigenvalues at both ends \(4\)"):
        spectrum(gpt2(), texts(4), **{**options, "eigenvalues": 2}, matrix="hessian")
    with pytest.raises(HarnessError, match="bfloat16"):
        spectrum(gpt2(torch.bfloat16), texts(4), **options)
    with pytest.raises(HarnessError, match="returns no logits"):
        spectrum(bert().bert, texts(4, objective="masked"), **{**options, "objective": "masked"})
    operator = CurvatureOperator(gpt2(), texts(2), "causal")
    with pytest.raises(HarnessError, match="keeps 50 vectors of 312 parameters, 0.0 GiB"):
        runs_at_once(operator, steps=50, probes=2, memory=1000)
    model = gpt2()
    with torch.no_grad():
        model.transformer.wte.weight[:] = float("inf")
    with pytest.raises(HarnessError, match="loss of sequence .* is nan|not finite"):
        spectrum(model, texts(4), **options)
