from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.measures.likelihood.encoding import encode
from harness.measures.likelihood.masked import masked_likelihoods

QUESTIONS = [
    [("mira found a silver bell by the river .", " tolan hid it"), ("mira found a silver bell by the river .", " the")],
    [("", " the king sold a stone bridge"), ("", " a baker")],
]


def naive(model, tokenizer, context: str, continuation: str, window: int) -> float:
    given = tokenizer.encode(context, add_special_tokens=False)
    whole = tokenizer.encode(context + continuation, add_special_tokens=False)
    count = len(whole) - len(given)
    ids = [tokenizer.cls_token_id, *whole[-(window - 2) :], tokenizer.sep_token_id]
    total = 0.0
    for place in range(len(ids) - 1 - count, len(ids) - 1):
        hidden = list(ids)
        hidden[place] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([hidden])).logits[0, place].double()
        total += float(logits.log_softmax(-1)[ids[place]])
    return total


@pytest.mark.parametrize(("window", "budget"), [(64, 1), (64, 1000), (14, 1000)])
def test_each_token_of_the_continuation_is_masked_alone(content, window, budget):
    model, tokenizer = content.make("bert")
    model.eval()
    asked = [encode(tokenizer, pairs) for pairs in QUESTIONS]
    found = masked_likelihoods(model, tokenizer, asked, window=window, token_budget=budget)
    expected = [[naive(model, tokenizer, *pair, window) for pair in pairs] for pairs in QUESTIONS]
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), rtol=1e-5)


def test_a_continuation_longer_than_the_window_is_refused(content):
    model, tokenizer = content.make("bert")
    asked = [encode(tokenizer, QUESTIONS[1])]
    with pytest.raises(HarnessError, match="does not fit the window of 4, special tokens included"):
        masked_likelihoods(model, tokenizer, asked, window=4, token_budget=100)
