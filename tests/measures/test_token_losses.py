from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from harness.measures import token_losses as module
from harness.measures.token_losses import token_losses
from harness.training.heads import LastLayer


def a_head(vocabulary: int = 50, bias: bool = True, added: bool = False) -> LastLayer:
    torch.manual_seed(0)
    layer = torch.nn.Linear(8, vocabulary, bias=bias)
    return LastLayer(layer, layer.forward, torch.randn(1, vocabulary) if added else None, True)


@pytest.fixture
def narrow(monkeypatch):
    """Blocks of 7 words or fewer for 11 tokens, in two goes."""
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 50)
    monkeypatch.setattr(module, "ROWS", 7)


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_losses_in_blocks_are_torchs(narrow, bias, added, scale):
    head = a_head(bias=bias, added=added)
    states, targets = torch.randn(11, 8) * scale, torch.randint(0, 50, (11,))
    with torch.inference_mode():
        logits = head(states)
        losses, greedy = token_losses(head, states, targets, greedy=True)
        expected = functional.cross_entropy(logits.double(), targets, reduction="none")
        torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=1e-5)
        likeliest = logits.argmax(-1)
        assert torch.equal(greedy, likeliest == targets)
        _, all_greedy = token_losses(head, states, likeliest, greedy=True)
        assert all_greedy.all() and token_losses(head, states, targets)[1] is None


def test_whole_rows_and_blocks_agree(narrow):
    head = a_head()
    states, targets = torch.randn(11, 8), torch.randint(0, 50, (11,))
    with torch.inference_mode():
        whole = token_losses(lambda given: head(given), states, targets)[0]
        logits = token_losses(torch.nn.Identity(), head(states), targets)[0]
        torch.testing.assert_close(token_losses(head, states, targets)[0], whole)
        torch.testing.assert_close(logits, whole)


def test_of_equal_logits_the_first_is_the_likeliest(narrow):
    head = a_head(bias=False)
    with torch.no_grad():
        head.layer.weight[:] = 0
    states = torch.randn(3, 8)
    with torch.inference_mode():
        losses, greedy = token_losses(head, states, torch.tensor([0, 1, 49]), greedy=True)
    assert greedy.tolist() == [True, False, False]
    torch.testing.assert_close(losses, torch.full((3,), 50.0).log())


def test_words_that_are_ruled_out_and_numbers_that_are_none(narrow):
    head = a_head()
    with torch.no_grad():
        head.layer.bias[:20] = -torch.inf
    states = torch.randn(2, 8)
    with torch.inference_mode():
        losses, _ = token_losses(head, states, torch.tensor([30, 31]))
        expected = functional.cross_entropy(head(states), torch.tensor([30, 31]), reduction="none")
        torch.testing.assert_close(losses, expected)
        assert token_losses(head, states, torch.tensor([3, 31]))[0][0] == torch.inf
        assert token_losses(head, states * torch.nan, torch.tensor([30, 31]))[0].isnan().all()


def test_bfloat16_logits_are_those_of_the_layer_and_summed_in_float32(narrow):
    head = a_head()
    layer = head.layer.bfloat16()
    states, targets = torch.randn(11, 8).bfloat16(), torch.randint(0, 50, (11,))
    with torch.inference_mode():
        expected = functional.cross_entropy(layer(states).float(), targets, reduction="none")
        losses, _ = token_losses(head, states, targets)
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5)
