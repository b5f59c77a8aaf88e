from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.measures.likelihood.encoding import encode_apart
from harness.measures.likelihood.seq2seq import seq2seq_likelihoods
from tests.hub import seq2seq

CONTEXT = "mira found a silver bell by the river . tolan hid it before winter ."
QUESTIONS = [
    [(CONTEXT, " tolan hid it"), (CONTEXT, " the"), (CONTEXT + " ", "a young fox sold the north gate")],
    [("", " the king sold a stone bridge"), ("", " a baker")],
    [("the king", " sold it"), ("a baker", " sold it")],
]


def naive(model, tokenizer, context: str, continuation: str, window: int) -> tuple[float, bool]:
    """One call of the model with labels, as transformers shifts them."""
    text = context.rstrip()
    continuation = context[len(text) :] + continuation
    only = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    source = tokenizer(text)["input_ids"] if context else [only]
    target = torch.tensor([tokenizer(continuation, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([source[-window:]]), labels=target).logits[0].double()
    nats = logits.log_softmax(-1).gather(1, target[0][:, None]).sum()
    return float(nats), bool((logits.argmax(-1) == target[0]).all())


@pytest.mark.parametrize("name", ["t5", "bart", "marian"])
@pytest.mark.parametrize(("window", "budget"), [(64, 1), (64, 1000), (11, 70)])
def test_the_encoder_reads_the_context_and_the_decoder_says_the_continuation(name, window, budget):
    model, tokenizer = seq2seq.make(name)
    asked = [encode_apart(tokenizer, pairs) for pairs in QUESTIONS]
    window = max(window, *(len(c.continuation) for choices in asked for c in choices))
    found = seq2seq_likelihoods(model, tokenizer, asked, window=window, token_budget=budget)
    assert [len(choices) for choices in found] == [3, 2, 2]
    expected = [naive(model, tokenizer, *pair, window) for pairs in QUESTIONS for pair in pairs]
    flat = [choice for choices in found for choice in choices]
    np.testing.assert_allclose([c.nats for c in flat], [nats for nats, _ in expected], rtol=2e-6)
    assert [c.greedy for c in flat] == [greedy for _, greedy in expected]
    assert found[2][0].nats != pytest.approx(found[2][1].nats, rel=1e-4), "the context counts"


def test_each_context_is_encoded_once():
    model, tokenizer = seq2seq.make("bart")
    rows: list[int] = []
    model.get_encoder().register_forward_hook(lambda _, __, output: rows.append(len(output.last_hidden_state)))
    asked = [encode_apart(tokenizer, pairs) for pairs in QUESTIONS]
    seq2seq_likelihoods(model, tokenizer, asked, window=64, token_budget=10_000)
    assert rows[-1] == 4  # seven choices, of which three and two share a context


def test_a_continuation_that_does_not_fit_or_has_no_token_is_refused():
    model, tokenizer = seq2seq.make("t5")
    asked = [encode_apart(tokenizer, QUESTIONS[0])]
    with pytest.raises(HarnessError, match="does not fit the window of 4"):
        seq2seq_likelihoods(model, tokenizer, asked, window=4, token_budget=100)
    with pytest.raises(HarnessError, match="the continuation '' has no token"):
        encode_apart(tokenizer, [("the king", "")])
    model.lm_head.weight.data[0] = float("nan")
    with pytest.raises(HarnessError, match="a log-likelihood is not finite"):
        seq2seq_likelihoods(model, tokenizer, asked, window=64, token_budget=100)
