from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

from harness.training.dropout import LEVELS, CheapDropout, attention, cheap_dropout, dropout, keep_mask


def test_a_mask_keeps_the_right_share_and_its_elements_are_independent():
    torch.manual_seed(0)
    mask = keep_mask((1000, 2000), 0.1).numpy()
    kept, n = 1 - round(0.1 * LEVELS) / LEVELS, mask.size
    assert abs(mask.mean() - kept) < 4 * np.sqrt(kept * (1 - kept) / n)
    flat = mask.ravel().astype(float) - kept
    for lag in (1, 2, 3, 4, 2000):
        assert abs((flat[lag:] * flat[:-lag]).mean()) < 4 * kept * (1 - kept) / np.sqrt(n)


def test_masks_follow_torch_s_seed_and_state():
    torch.manual_seed(3)
    first = keep_mask((5, 7), 0.5)
    state = torch.get_rng_state()
    second = keep_mask((5, 7), 0.5)
    torch.set_rng_state(state)
    assert torch.equal(keep_mask((5, 7), 0.5), second) and not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(keep_mask((5, 7), 0.5), first)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1e-7, 1.0])
def test_the_expected_value_is_the_input_and_the_gradient_has_the_mask(rate):
    x = torch.full((400, 500), 3.0, requires_grad=True)
    y = dropout(x, rate)
    y.sum().backward()
    assert torch.equal(x.grad * 3, y)
    assert y.mean().item() == pytest.approx(3 if rate < 1 else 0, rel=0.02)
    assert dropout(x, rate, training=False) is x


@pytest.mark.parametrize("mask", ["none", "bool", "additive", "causal"])
@pytest.mark.parametrize("groups", [1, 2])
def test_attention_without_a_dropped_weight_is_torch_s(mask, groups):
    random = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, heads, 5, 8, generator=random) for heads in (4, 4 // groups, 4 // groups))
    keep = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])[:, None, None]
    options = {
        "none": {}, "bool": {"attn_mask": keep}, "causal": {"is_causal": True},
        "additive": {"attn_mask": torch.zeros(2, 1, 1, 5).masked_fill(~keep, -1e9)},
    }[mask] | {"enable_gqa": groups > 1, "scale": 0.3}  # fmt: skip
    expected = functional.scaled_dot_product_attention(query, key, value, **options)
    ours = attention(query, key, value, dropout_p=1e-6, **options)  # a rate that rounds to none
    assert torch.allclose(ours, expected, atol=1e-6)


def small(rate: float) -> BertForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    rates = {"hidden_dropout_prob": rate, "attention_probs_dropout_prob": rate}
    return BertForSequenceClassification(BertConfig(vocab_size=50, **sizes, **rates)).train()


def test_a_model_s_logits_have_torch_s_mean_and_spread():
    model, ids = small(0.3), torch.arange(12).view(1, 12).repeat(4000, 1)
    with torch.no_grad():
        with cheap_dropout(model):
            ours = model(input_ids=ids).logits
        theirs = model(input_ids=ids).logits
    error = theirs.std(0) * np.sqrt(2 / len(ids))
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 4 * error).all()
    assert torch.allclose(ours.std(0), theirs.std(0), rtol=0.08)


def test_it_serves_models_that_drop_on_a_cpu_only():
    assert isinstance(cheap_dropout(small(0.1)), CheapDropout)
    assert not isinstance(cheap_dropout(small(0.0)), CheapDropout)
    assert not isinstance(cheap_dropout(small(0.1).to("meta")), CheapDropout)
