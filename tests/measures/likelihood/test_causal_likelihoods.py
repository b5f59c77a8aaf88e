from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.measures.likelihood import causal
from harness.measures.likelihood.causal import causal_likelihoods
from harness.measures.likelihood.encoding import beginning, encode, spaces_moved
from harness.measures.likelihood.packing import Pack, Scored, common_beginning, mask_of
from tests.architectures import TABLE

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


LONG = [
    [(f"{SAME} {place} {SAME} met", end) for end in (" sold", " hid the long rope", " carried two red boats")]
    for place in ("by the river", "in the market", "near the tower", "now")
]


@pytest.mark.parametrize(
    ("name", "attention"),
    [(name, how) for name in ("gpt2", "llama", "neox", "opt", "qwen2") for how in ("sdpa", "eager")]
    + [("gemma2", "eager")],
)
def test_a_shared_beginning_is_read_once_and_gives_the_same(name, attention):
    model, tokenizer = TABLE[name].model().eval(), TABLE[name].tokenizer()
    model.set_attn_implementation(attention)
    asked = encoded(tokenizer, LONG)
    sizes: list[int] = []
    model.register_forward_pre_hook(lambda m, a, k: sizes.append(k["input_ids"].numel()), with_kwargs=True)

    def score(share):
        sizes.clear()
        found = causal_likelihoods(model, tokenizer, asked, window=60, bos="tokenizer", token_budget=1, share=share)
        return found, sum(sizes)

    (plain, read_plainly), (shared, read) = score(False), score(True)
    np.testing.assert_allclose(nats(shared), nats(plain), rtol=1e-5)
    assert [c.greedy for q in shared for c in q] == [c.greedy for q in plain for c in q]
    longest = max(sum(len(c.context + c.continuation) - 1 for c in q) for q in asked)
    assert read < 0.7 * read_plainly + 2 * longest  # the longest of its questions is read both ways


def test_a_token_sees_what_all_choices_share_and_its_own():
    owners = torch.tensor([[0, 0, 1, 1, 2]])
    seen = (mask_of(owners, torch.float32)[0, 0] == 0).int().tolist()
    assert seen == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 0, 0, 1]]


def test_a_pack_counts_positions_on_from_what_is_shared():
    pack = Pack.together(0, [Scored([5, 6, 7], [7, 1]), Scored([5, 6, 8, 9], [9, 2]), Scored([5, 6], [3])])
    assert pack.tokens() == [5, 6, 7, 8, 9] and pack.shared == 2
    assert pack.positions() == [0, 1, 2, 2, 3] and pack.owners() == [0, 0, 1, 2, 2]
    assert pack.scored() == [1, 2, 3, 4, 1]  # of 7, 1 and 9, 2 and 3
    assert pack.length == 5 and pack.saved == pytest.approx(1 - 5 / 9)
    assert [p.first for p in pack.apart()] == [0, 1, 2] and all(p.saved == 0 for p in pack.apart())


@pytest.mark.parametrize(
    "fault", ["wrong", "refuses the mask", "no positions", "a short sliding window", "another attention"]
)
def test_a_model_that_cannot_read_a_pack_is_read_plainly(content, monkeypatch, fault):
    model, tokenizer = content.make("gpt2")
    model = copy.deepcopy(model).eval()
    masks, forward = [], type(model).forward

    def watched(self, input_ids=None, position_ids=None, attention_mask=None, **more):
        masks.append(attention_mask is not None)
        if attention_mask is not None and fault == "refuses the mask":
            raise ValueError("a mask of two dimensions is wanted")
        if attention_mask is not None and fault == "wrong":
            attention_mask = attention_mask * 0
        return forward(self, input_ids, position_ids=position_ids, attention_mask=attention_mask, **more)

    def without_positions(self, input_ids=None, attention_mask=None, **more):
        return watched(self, input_ids, attention_mask=attention_mask, **more)

    monkeypatch.setattr(type(model), "forward", without_positions if fault == "no positions" else watched)
    if fault == "a short sliding window":
        model.config.sliding_window = 10
    if fault == "another attention":
        monkeypatch.setattr(causal, "TAKES_MASKS", ("eager",))
    found = causal_likelihoods(model, tokenizer, encoded(tokenizer, LONG), window=64, bos="tokenizer", token_budget=60)
    assert sum(masks) == (fault in ("wrong", "refuses the mask"))
    expected = [naive(model, tokenizer, *pair)[0] for pairs in LONG for pair in pairs]
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
