from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.measures.likelihood import causal
from harness.measures.likelihood.causal import causal_likelihoods, common_beginning
from harness.measures.likelihood.encoding import beginning, encode, spaces_moved

SAME = "mira found a silver bell by the river . tolan"
QUESTIONS = [
    [(SAME, " sold the long rope"), (SAME, " hid"), (SAME, " carried two red boats in the market .")],
    [("the miller followed", " a"), ("the miller followed", " the")],
    [("a young fox met mira and mira", " painted the north gate"), ("a young fox met mira and tolan", " painted the north gate")],
    [("", " the king"), ("", " a baker mended an empty jar")],
    [("before winter . ", "hid"), ("before winter . ", "sold the long rope")],
    [(SAME + " " + SAME, " forgot"), (SAME + " " + SAME, " found the north gate")],
]  # fmt: skip


def naive(model, tokenizer, context: str, continuation: str, window: int = 64) -> tuple[float, bool]:
    """Whole strings, one at a time, float64."""
    context, continuation = spaces_moved(context, continuation)
    given = tokenizer.encode(context) if context else [tokenizer.eos_token_id]
    whole = tokenizer.encode(context + continuation)
    scored = whole[len(given) :] if context else whole
    read = (given + scored)[-(window + 1) : -1]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([read])).logits[0].double().log_softmax(-1)[-len(scored) :]
    targets = torch.tensor(scored)
    return float(logits.gather(1, targets[:, None]).sum()), bool((logits.argmax(-1) == targets).all())


def encoded(tokenizer, questions=QUESTIONS):
    return [encode(tokenizer, pairs) for pairs in questions]


def nats(found) -> list[float]:
    return [choice.nats for choices in found for choice in choices]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_likelihoods_are_those_of_a_naive_loop_whatever_the_batch(content, name):
    model, tokenizer = content.make(name)
    model.eval()
    expected = [naive(model, tokenizer, *pair)[0] for pairs in QUESTIONS for pair in pairs]
    for budget, share in ((1, True), (120, True), (10_000, True), (10_000, False)):
        found = causal_likelihoods(
            model, tokenizer, encoded(tokenizer), window=64, bos="tokenizer", token_budget=budget, share=share
        )
        np.testing.assert_allclose(nats(found), expected, rtol=1e-5)
    assert [len(choices) for choices in found] == [3, 2, 2, 2, 2, 2]
    assert "forward" not in model.get_output_embeddings().__dict__


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_shared_beginning_is_read_once_and_gives_the_same(content, name):
    model, tokenizer = content.make(name)
    model.eval()
    endings = [" sold", " hid the long rope", " carried two red boats"]
    contexts = [f"{SAME} {place} {SAME} met" for place in ("by the river", "in the market", "near the tower", "now")]
    asked = encoded(tokenizer, [[(context, end) for end in endings] for context in contexts])
    sizes: list[int] = []
    model.register_forward_pre_hook(lambda m, a, k: sizes.append(k["input_ids"].numel()), with_kwargs=True)

    def score(share):
        return causal_likelihoods(model, tokenizer, asked, window=64, bos="tokenizer", token_budget=100, share=share)

    plain = score(False)
    read_plain = sum(sizes)
    sizes.clear()
    shared = score(True)
    np.testing.assert_allclose(nats(shared), nats(plain), rtol=1e-5)
    assert [c.greedy for q in shared for c in q] == [c.greedy for q in plain for c in q]
    assert sum(sizes) < 0.85 * read_plain  # the first of its batches is read both ways


@pytest.mark.parametrize("fault", ["wrong", "none"])
def test_a_model_whose_cache_cannot_be_trusted_is_read_plainly(content, monkeypatch, fault):
    model, tokenizer = content.make("gpt2")
    model.eval()
    calls, shared = [], causal.Scorer.shared
    if fault == "none":
        monkeypatch.setattr(causal.Scorer, "cache", lambda self, batch, length: None)

    def broken(self, head, batch, length):
        calls.append(length)
        return [replace(score, nats=score.nats - 0.01) for score in shared(self, head, batch, length)]

    monkeypatch.setattr(causal.Scorer, "shared", broken)
    asked = encoded(tokenizer, [QUESTIONS[0], QUESTIONS[5], QUESTIONS[0]])
    found = causal_likelihoods(model, tokenizer, asked, window=64, bos="tokenizer", token_budget=60)
    expected = [naive(model, tokenizer, *pair)[0] for n in (0, 5, 0) for pair in QUESTIONS[n]]
    assert len(calls) == (fault == "wrong")
    np.testing.assert_allclose(nats(found), expected, rtol=1e-5)


def test_what_does_not_fit_the_window_is_cut_at_the_left(content):
    model, tokenizer = content.make("gpt2")
    model.eval()
    found = causal_likelihoods(model, tokenizer, encoded(tokenizer), window=14, bos="tokenizer", token_budget=100)
    expected = [naive(model, tokenizer, *pair, window=14)[0] for pairs in QUESTIONS for pair in pairs]
    whole = [naive(model, tokenizer, *pair)[0] for pairs in QUESTIONS for pair in pairs]
    np.testing.assert_allclose(nats(found), expected, rtol=1e-5)
    assert not np.allclose(expected, whole, rtol=1e-5)
    with pytest.raises(HarnessError, match="does not fit the window of 2"):
        causal_likelihoods(model, tokenizer, encoded(tokenizer), window=2, bos="tokenizer", token_budget=100)


def test_greedy_is_every_token_the_likeliest(content):
    model, tokenizer = content.make("gpt2")
    model.eval()
    ids = tokenizer.encode(SAME)
    with torch.inference_mode():
        for _ in range(2):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    context, likeliest = ids[:-2], ids[-2:]
    wrong = [likeliest[0], (likeliest[1] + 1) % len(tokenizer)]
    asked = [[causal.Encoded(context, likeliest)], [causal.Encoded(context, wrong)]]
    found = causal_likelihoods(model, tokenizer, asked, window=64, bos="none", token_budget=100)
    assert [choices[0].greedy for choices in found] == [True, False]


def test_bos_is_what_the_tokenizer_puts_or_what_is_asked(content):
    _, tokenizer = content.make("gpt2")
    assert beginning(tokenizer, "tokenizer") == [] and beginning(tokenizer, "none") == []
    assert beginning(tokenizer, "always") == [tokenizer.bos_token_id]
    _, masked = content.make("bert")
    assert beginning(masked, "tokenizer") == [masked.cls_token_id]


def test_tokens_that_join_letters_across_the_border_follow_the_whole_text(content):
    _, tokenizer = content.make("gpt2")
    (choice,) = encode(tokenizer, [("mira found ", "a silver bell")])
    assert choice.context == tokenizer.encode("mira found")
    assert choice.context + choice.continuation == tokenizer.encode("mira found a silver bell")
    with pytest.raises(HarnessError, match="has no token of its own"):
        encode(tokenizer, [("mira", "")])


def test_a_likelihood_that_is_not_finite_is_a_failure(content):
    model, tokenizer = content.make("gpt2")
    broken = copy.deepcopy(model).eval()
    with torch.no_grad():
        broken.transformer.ln_f.weight.fill_(float("nan"))
    with pytest.raises(HarnessError, match="not finite"):
        causal_likelihoods(broken, tokenizer, encoded(tokenizer), window=64, bos="none", token_budget=100)


def test_common_beginning():
    assert common_beginning([[1, 2], [1, 2, 3]]) == 2
    assert common_beginning([[1, 2], [3]]) == 0
