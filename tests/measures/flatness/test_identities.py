"""Identities that join the two matrices, and every estimator on a GPT-2 of 4,000 parameters whose matrices are formed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from small_models import bart, bert, gpt2, llama, shaken, t5, texts
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.measures.flatness.fisher import draw_fisher
from harness.measures.flatness.forward import scored_logits
from harness.measures.flatness.hessian import draw_hessian, hessian_vector_product
from harness.measures.flatness.hutch_plus_plus import hutch_plus_plus
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.operator import CurvatureOperator
from harness.measures.flatness.spectrum import spectrum
from harness.measures.flatness.xtrace import xtrace


@pytest.fixture(autouse=True)
def second_derivatives():
    """Fused attention has none."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


MODELS = [(gpt2, "causal"), (llama, "causal"), (bert, "masked"), (t5, "seq2seq"), (bart, "seq2seq")]


@pytest.mark.parametrize(("make", "objective"), MODELS)
def test_the_hessian_at_soft_labels_is_the_gauss_newton_matrix(make, objective: str) -> None:
    """With the model's own probabilities for labels, held fixed, the logits' own curvature drops out."""
    model, sequences = make(), texts(3, objective=objective)
    operator = CurvatureOperator(model, sequences, objective, "gauss_newton")
    vector = torch.randn(operator.size, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    total = torch.zeros_like(vector)
    for sequence in sequences:
        logits, _ = scored_logits(model, sequence, objective)
        loss = -(logits.detach().softmax(1) * logits.log_softmax(1)).sum()
        product, _ = hessian_vector_product(loss, operator.tensors, operator.pieces(vector))
        pieces = [torch.zeros_like(p) if h is None else h for h, p in zip(product, operator.tensors, strict=True)]
        total += torch.cat([piece.reshape(-1) for piece in pieces])
    torch.testing.assert_close(
        operator.apply(vector).products, total / int(operator.tokens.sum()), rtol=1e-9, atol=1e-12
    )


@pytest.mark.slow
def test_the_head_of_an_untied_model_has_a_closed_form() -> None:
    """``sum_t |h_t|^2 (1 - |p_t|^2)``: one forward pass says what the last layer's share of the trace is."""
    model, sequence = gpt2(tied=False), texts(1)[0]
    layout = ParameterLayout.of(model)
    states = model.transformer(input_ids=sequence.ids[None, :-1]).last_hidden_state[0].detach()
    p = model.lm_head(states).softmax(1).detach()
    exact = float((states.square().sum(1) * (1 - p.square().sum(1))).sum())
    head = [layout.names[n] == "lm_head.weight" for n in layout.tensor_of_part]
    group = SequenceGroup.of(sequence)
    draws = np.array([draw_fisher(model, layout, group, "causal", s).trace[head].sum() for s in range(400)])
    assert abs(draws.mean() - exact) < 4 * draws.std(ddof=1) / 20
    assert draws.std(ddof=1) / 20 < 0.05 * exact


@pytest.mark.slow
def test_labels_from_the_model_turn_the_hessian_into_the_gauss_newton_matrix() -> None:
    """Bartlett's identity: averaged over labels that the model draws, the trace of the Hessian is that of the Fisher."""
    model, sequence = gpt2(), texts(1)[0]
    layout, group = ParameterLayout.of(model), SequenceGroup.of(sequence)
    logits, _ = scored_logits(model, sequence, "causal")
    random = torch.Generator().manual_seed(0)
    sampled, own = [], []
    for seed in range(300):
        labels = torch.multinomial(logits.detach().softmax(1), 1, generator=random)[:, 0]
        other = ScoredSequence(sequence.ids, torch.cat([sequence.labels[:1], labels]), 0, 0)
        sampled.append(draw_hessian(model, layout, SequenceGroup.of(other), "causal", seed).trace.sum())
        own.append(draw_fisher(model, layout, group, "causal", seed).trace.sum())
    gap = np.mean(sampled) - np.mean(own)
    assert abs(gap) < 4 * np.sqrt((np.var(sampled) + np.var(own)) / 300)


@lru_cache(maxsize=1)
def formed() -> tuple[nn.Module, list[ScoredSequence], Tensor, Tensor]:
    """A GPT-2 of 4,000 parameters, its text, and its two matrices per token, each formed row by row."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=32, n_positions=16, n_embd=12, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = shaken(GPT2LMHeadModel(config).double())
    random = torch.Generator().manual_seed(1)
    ids = [torch.randint(0, 32, (16,), generator=random) for _ in range(8)]
    sequences = [ScoredSequence(row, row, n, n) for n, row in enumerate(ids)]
    layout = ParameterLayout.of(model)
    batch = SequenceGroup(tuple(sequences), 0)
    logits, labels = scored_logits(model, batch.sequences, "causal")
    loss = cross_entropy(logits, labels)
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, layout.tensors, create_graph=True)])
    rows = lambda outputs: torch.stack(  # noqa: E731
        [torch.cat([g.reshape(-1) for g in torch.autograd.grad(o, layout.tensors, retain_graph=True)]) for o in outputs]
    )
    hessian = rows(gradient)
    jacobian = rows(logits.reshape(-1)).view(len(labels), 32, -1)
    p = logits.detach().softmax(1)
    pulled = p[:, :, None] * (jacobian - (p[:, :, None] * jacobian).sum(1, keepdim=True))
    return model, sequences, hessian, torch.einsum("tvp,tvq->pq", jacobian, pulled) / len(labels)


@pytest.mark.slow
def test_every_estimator_is_that_of_the_formed_matrices() -> None:
    """Means within four standard errors, variances those of theory, ends and moments of the spectrum to rounding."""
    model, sequences, hessian, gauss_newton = formed()
    layout, tokens = ParameterLayout.of(model), 8 * 15
    assert 4000 < len(hessian) < 4500
    assert torch.allclose(hessian, hessian.T, atol=1e-10) and torch.linalg.eigvalsh(gauss_newton)[0] > -1e-10
    whole = SequenceGroup(tuple(sequences), 0)
    for draw, matrix in ((draw_fisher, gauss_newton), (draw_hessian, hessian)):
        values = np.array([draw(model, layout, whole, "causal", seed).trace.sum() / tokens for seed in range(200)])
        assert abs(values.mean() - float(matrix.trace())) < 4 * values.std(ddof=1) / np.sqrt(200)
        if draw is draw_hessian:
            off_diagonal = float(matrix.square().sum() - matrix.diagonal().square().sum())
            assert values.std(ddof=1) == pytest.approx(np.sqrt(2 * off_diagonal), rel=0.2)
    options = {"objective": "causal", "seed": 0, "minimum": 4}
    for estimator in (hutch_plus_plus, xtrace):
        for name, matrix in (("gauss_newton", gauss_newton), ("hessian", hessian)):
            found = estimator(model, sequences, matrix=name, products=60, **options).trace
            assert abs(found.value - float(matrix.trace())) < 4 * found.probe_stderr
    found = spectrum(model, sequences, matrix="hessian", eigenvalues=3, steps=60, probes=4, **options)
    exact = torch.linalg.eigvalsh(hessian)
    assert [e.value for e in found.largest] == pytest.approx(exact.flip(0)[:3].tolist(), rel=1e-4)
    assert [e.value for e in found.smallest] == pytest.approx(exact[:3].tolist(), rel=1e-2)
    norm = found.moments.frobenius_squared
    assert abs(norm.value - float(hessian.square().sum())) < 4 * norm.probe_stderr
