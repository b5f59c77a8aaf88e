"""Losses of encoder-decoder models: those of transformers on the same pairs, and the kind's records from text."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from harness import evaluate
from harness.checkpoints import resolve_in_memory
from harness.data.pairs import decoder_start, scored_pair
from harness.data.sequences import ScoredSequence
from harness.measures import lm_loss
from harness.measures.cross_entropy import sequence_losses
from harness.measures.curvature import kind
from harness.specs import load_task
from tests.hub import seq2seq
from tests.hub.text import sentences

NAMES = sorted(seq2seq.MAKERS)


def pairs_of(model, tokenizer) -> list[ScoredSequence]:
    """Pairs whose sources and targets differ in length, both ways."""
    texts = [" ".join(sentences(count, seed)) for seed, count in enumerate((1, 2, 1, 1, 2, 1))]
    ids = [tokenizer(text)["input_ids"][:50] for text in texts]
    start = decoder_start(model, tokenizer)
    return [scored_pair(a, b, start, cluster=n, key=n) for n, (a, b) in enumerate(pairwise(ids))]


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_transformers_whatever_the_batch(name):
    model, tokenizer = seq2seq.make(name)
    pairs = pairs_of(model, tokenizer)
    with torch.no_grad():
        expected = [len(p.ids[1:]) * model(input_ids=p.source[None], labels=p.ids[None, 1:]).loss.item() for p in pairs]
    before = model(input_ids=pairs[0].source[None], labels=pairs[0].ids[None, 1:]).logits
    for budget in (1, 150, 10_000):
        np.testing.assert_allclose(sequence_losses(model, pairs, causal=True, token_budget=budget), expected, rtol=1e-6)
    after = model(input_ids=pairs[0].source[None], labels=pairs[0].ids[None, 1:]).logits
    assert torch.equal(before, after), "head and bias are back in their places"


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_formed_for_scored_positions_alone(name):
    """The head comes off though T5 scales its states before it, and BART adds a bias behind it."""
    model, tokenizer = seq2seq.make(name)
    pair = pairs_of(model, tokenizer)[0]
    target = pair.ids[1:].tolist()
    scored = [place == 3 for place in range(len(target))]
    part = scored_pair(pair.source.tolist(), target, int(pair.ids[0]), cluster=0, key=0, scored=scored)
    rows: list[int] = []
    layer = model.get_output_embeddings()
    forward = layer.forward
    layer.forward = lambda states: rows.append(states.numel() // states.shape[-1]) or forward(states)
    with torch.no_grad():
        logits = model(input_ids=pair.source[None], decoder_input_ids=pair.ids[None, :-1]).logits[0, 3].double()
    (loss,) = sequence_losses(model, [part], causal=True, token_budget=1000)
    assert loss == pytest.approx(-float(logits.log_softmax(-1)[target[3]]), rel=1e-6)
    assert rows[-1] == 1


def test_tokens_that_are_not_scored_are_read_all_the_same():
    model, tokenizer = seq2seq.make("bart")
    (pair,) = pairs_of(model, tokenizer)[:1]
    target = pair.ids[1:].tolist()
    count = [number % 2 == 0 for number in range(len(target))]
    part = scored_pair(pair.source.tolist(), target, 2, cluster=0, key=0, scored=count)
    rest = scored_pair(pair.source.tolist(), target, 2, cluster=0, key=0, scored=[not c for c in count])
    whole, one, other = sequence_losses(model, [pair, part, rest], causal=True, token_budget=1000)
    assert one + other == pytest.approx(whole, rel=1e-6) and one < whole


@pytest.fixture
def text_task(tmp_path):
    """A task on documents of a text file."""

    def write(kind: str, more: str = "", lines: int = 12) -> str:
        (tmp_path / "own.txt").write_text("\n".join(" ".join(sentences(2, seed)) for seed in range(lines)))
        spec = f"description: d\nkind: {kind}\ndata: {{files: [own.txt]}}\nsplits: {{score: train}}\n"
        (tmp_path / "own.yaml").write_text(spec + more)
        return str(tmp_path / "own.yaml")

    return write


@pytest.mark.parametrize(("name", "scored"), [("t5", "spans"), ("bart", "text")])
def test_records_have_nats_per_token_and_per_scored_byte_and_no_code_length(text_task, name, scored):
    model, tokenizer = seq2seq.make(name)
    records = {r.metric: r for r in evaluate((model, tokenizer), text_task("lm_loss"), name=name)}
    assert set(records) == {"nats_per_token", "nats_per_scored_byte"}
    loss, per_byte = records["nats_per_token"], records["nats_per_scored_byte"]
    assert loss.error is None and loss.stderr > 0 and "12 documents" in loss.stderr_method
    assert per_byte.unit == "nats per scored byte" and not per_byte.higher_is_better
    characters = sum(len(" ".join(sentences(2, seed))) for seed in range(12))
    scored_bytes = loss.value * loss.n / per_byte.value
    assert scored_bytes / characters == pytest.approx(1 if scored == "text" else 0.16, abs=0.05)


def test_a_model_that_knows_nothing_pays_the_logarithm_of_its_vocabulary(text_task):
    model, tokenizer = seq2seq.make("t5")
    model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    records = {r.metric: r for r in evaluate((model, tokenizer), text_task("lm_loss"), name="uniform")}
    assert records["nats_per_token"].value == pytest.approx(math.log(len(tokenizer)), rel=1e-6)


def test_a_translation_model_has_no_loss_on_plain_text(text_task):
    (record,) = evaluate(seq2seq.make("marian"), text_task("lm_loss"), name="m")
    assert "m is a sequence-to-sequence model (marian)" in record.error and "kind 'translation'" in record.error


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["fisher", "hessian"])
def test_flatness_from_text_to_record(text_task, estimator):
    limits = "flatness: {minimum: 8, maximum: 24, length: 24}\n"
    path = text_task("flatness", f"estimator: {estimator}\n{limits}")
    record = evaluate(seq2seq.make("bart"), path, name="m")[0]
    assert record.error is None and record.metric == f"{estimator}_trace" and math.isfinite(record.value)
    layers = set(record.details["by_layer"])
    assert {"encoder layer 0", "decoder layer 1"} <= layers


def test_policies_name_what_is_corrupted_and_leave_other_objectives_as_they_were(content, text_task):
    task = load_task(text_task("lm_loss"))
    found = {name: lm_loss.policy(task, resolve_in_memory(*seq2seq.make(name))) for name in ("t5", "bart")}
    assert found["t5"]["corruption"] == "span corruption" and found["bart"]["window"] == 64
    assert lm_loss.policy(task, resolve_in_memory(*content.make("gpt2"))) == {"window": 64, "stride": 64, "bos": "auto"}
    masked = {"window": 64, "mask_rate": 0.15, "mask_seed": 0, "mask_unit": "token"}
    assert lm_loss.policy(task, resolve_in_memory(*content.make("bert"))) == masked
    assert "loss" not in task.definition()
    flat = load_task(text_task("flatness", "estimator: fisher\nflatness: {length: 16}\n"))
    assert kind.policy(flat, resolve_in_memory(*seq2seq.make("t5"))) == found["t5"] | {"window": 16}
