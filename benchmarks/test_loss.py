"""Causal loss beside lm-eval's rolling log-likelihood: the same windows, tokens and model."""

from __future__ import annotations

import pytest

from harness.data.documents import documents
from harness.data.windows import causal_windows, tokenise
from harness.measures.cross_entropy import sequence_losses


@pytest.mark.benchmark(group="causal loss")
def test_harness(benchmark, model_and_tokenizer, texts):
    model, tokenizer = model_and_tokenizer

    def score() -> float:
        tokenised = tokenise(tokenizer, documents(texts, "row"))
        windows = [w for n, d in enumerate(tokenised) for w in causal_windows(d, n, tokenizer.bos_token_id, 256, 256)]
        return float(sequence_losses(model, windows, causal=True, token_budget=4096).sum())

    assert benchmark.pedantic(score, rounds=3, warmup_rounds=1) > 0


@pytest.mark.benchmark(group="causal loss")
@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_lm_eval(benchmark, model_and_tokenizer, texts, batch_size):
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model, tokenizer = model_and_tokenizer
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=batch_size, max_length=256,
                  softmax_dtype="float32")  # fmt: skip
    requests = [Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)]
    score = lambda: -sum(theirs.loglikelihood_rolling(requests, disable_tqdm=True))  # noqa: E731
    assert benchmark.pedantic(score, rounds=3, warmup_rounds=1) > 0
