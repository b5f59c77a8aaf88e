"""One draw of the Fisher trace beside one training gradient and one Hessian product of PyHessian."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness.data.sequences import ScoredSequence
from harness.measures.flatness import fisher_trace, hessian_trace

COUNT = 32


@pytest.fixture(scope="module")
def sequences(model_and_tokenizer):
    model, _ = model_and_tokenizer
    random = np.random.default_rng(0)
    rows = [torch.tensor(random.integers(5, model.config.vocab_size, 128)) for _ in range(COUNT)]
    return [ScoredSequence(ids, torch.cat([torch.tensor([-100]), ids[1:]]), n, n) for n, ids in enumerate(rows)]


@pytest.mark.benchmark(group=f"curvature, {COUNT} sequences of 128 tokens")
@pytest.mark.parametrize("estimator", [fisher_trace, hessian_trace], ids=["fisher", "hessian"])
def test_harness(benchmark, model_and_tokenizer, sequences, estimator):
    model, _ = model_and_tokenizer
    run = lambda: estimator(model, sequences, objective="causal", seed=0, minimum=COUNT, maximum=COUNT)  # noqa: E731
    assert benchmark.pedantic(run, rounds=3, warmup_rounds=1).clusters == COUNT


@pytest.mark.benchmark(group=f"curvature, {COUNT} sequences of 128 tokens")
def test_a_training_gradient(benchmark, model_and_tokenizer, sequences):
    model, _ = model_and_tokenizer
    parameters = list(model.parameters())

    def gradients() -> int:
        for s in sequences:
            logits = model(input_ids=s.ids[None]).logits[0, :-1]
            torch.autograd.grad(functional.cross_entropy(logits, s.ids[1:]), parameters)
        return len(sequences)

    assert benchmark.pedantic(gradients, rounds=3, warmup_rounds=1) == COUNT
