"""The estimate of a draw's memory against what autograd keeps, and the refusal."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from small_models import bart, bert, gpt2, texts
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import GPT2Config, GPT2LMHeadModel

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.memory import _kept, check_memory, kept_for_backward


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("length", [64, 100])
def test_the_parabola_meets_the_count_of_the_whole_sequence(length: int, second_order: bool) -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=50, n_positions=128, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    ).eval()
    ids = torch.randint(0, 50, (length,))
    sequence = ScoredSequence(ids, ids, 0, 0)
    with sdpa_kernel(SDPBackend.MATH) if second_order else nullcontext():
        whole = _kept(model, sequence, "causal", second_order)
    assert kept_for_backward(model, sequence, "causal", second_order) == pytest.approx(whole, rel=0.01)


@pytest.mark.parametrize(("make", "objective"), [(gpt2, "causal"), (bert, "masked"), (bart, "seq2seq")])
def test_every_objective_has_an_estimate_that_grows_with_the_group(make, objective: str) -> None:
    sequences = texts(3, objective=objective)
    options = {"second_order": False, "copies": 1, "free": None}
    one, four = (check_memory(make(), sequences, objective, group=group, **options) for group in (1, 4))
    parameters = sum(p.numel() * p.element_size() for p in make().parameters() if p.requires_grad)
    assert one > parameters
    assert four - parameters == pytest.approx(4 * (one - parameters))


def test_memory_that_is_not_there_is_refused_with_the_remedy() -> None:
    options = {"second_order": True, "copies": 3, "free": 1000}
    with pytest.raises(HarnessError, match=r"about 0.0 GiB beside the model, .* lower 'group' \(now 8 sequences\)"):
        check_memory(gpt2(), texts(2), "causal", group=8, **options)
    with pytest.raises(HarnessError, match=r"lower 'length' \(now 5 tokens\)"):
        check_memory(gpt2(), texts(2), "causal", group=1, **options)


def test_the_model_is_left_as_it_was() -> None:
    model = gpt2().train()
    kept_for_backward(model, texts(1)[0], "causal", True)
    assert model.training and all(p.grad is None for p in model.parameters())
