"""Multiple choice beside lm-eval: HellaSwag-like questions, four endings after a long context."""

from __future__ import annotations

import pytest

from harness.measures.likelihood.causal import causal_likelihoods
from harness.measures.likelihood.encoding import encode


@pytest.fixture(scope="module")
def pairs(texts) -> list[list[tuple[str, str]]]:
    """40 questions: a context of about 60 words and endings of 4 to 12."""
    words = " ".join(texts).split()
    questions = []
    for start in range(0, 40 * 100, 100):
        context = " ".join(words[start : start + 60])
        places = zip((60, 64, 71, 80), (4, 7, 9, 12), strict=True)
        questions.append([(context, " " + " ".join(words[start + at : start + at + count])) for at, count in places])
    return questions


@pytest.mark.benchmark(group="multiple choice")
@pytest.mark.parametrize("share", [True, False], ids=["shared", "plain"])
def test_harness(benchmark, model_and_tokenizer, pairs, share):
    model, tokenizer = model_and_tokenizer

    def score() -> float:
        flat = iter(encode(tokenizer, [pair for question in pairs for pair in question]))
        asked = [[next(flat) for _ in question] for question in pairs]
        found = causal_likelihoods(model, tokenizer, asked, window=256, bos="tokenizer", token_budget=4096, share=share)
        return sum(choice.nats for choices in found for choice in choices)

    assert benchmark.pedantic(score, rounds=3, warmup_rounds=1) < 0


@pytest.mark.benchmark(group="multiple choice")
@pytest.mark.parametrize("batch_size", [1, 16])
def test_lm_eval(benchmark, model_and_tokenizer, pairs, batch_size):
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model, tokenizer = model_and_tokenizer
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=batch_size, max_length=256,
                  softmax_dtype="float32")  # fmt: skip
    flat = [pair for question in pairs for pair in question]
    requests = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(flat)]
    score = lambda: sum(nats for nats, _ in theirs.loglikelihood(requests, disable_tqdm=True))  # noqa: E731
    assert benchmark.pedantic(score, rounds=3, warmup_rounds=1) < 0
