from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from harness import evaluate
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.cross_entropy import sequence_losses


def a_sequence(ids: list[int], labels: list[int] | None = None) -> ScoredSequence:
    return ScoredSequence(torch.tensor(ids), torch.tensor(labels or [-100, *ids[1:]]), 0, str(ids))


def plain_loss(model, sequence: ScoredSequence, causal: bool) -> float:
    """The loss written down: whole logits, one sequence, float64."""
    logits = model(input_ids=sequence.ids[None]).logits[0].double()
    if causal:
        logits, labels = logits[:-1], sequence.labels[1:]
    else:
        labels = sequence.labels
    return float(functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum"))


@pytest.mark.parametrize(("name", "causal"), [("gpt2", True), ("llama", True), ("bert", False)])
def test_losses_are_those_of_whole_logits_whatever_the_batch(content, name, causal):
    model, _ = content.make(name)
    model.eval()
    random = np.random.default_rng(0)
    sequences = [a_sequence(random.integers(5, model.config.vocab_size, n).tolist()) for n in (2, 9, 17, 17, 30)]
    expected = [plain_loss(model, s, causal) for s in sequences]
    for budget in (1, 40, 10_000):
        found = sequence_losses(model, sequences, causal=causal, token_budget=budget)
        np.testing.assert_allclose(found, expected, rtol=2e-6)
    assert "forward" not in model.get_output_embeddings().__dict__


def test_a_model_that_caps_its_logits_keeps_its_head():
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                          num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.5)  # fmt: skip
    model = Gemma2ForCausalLM(config).eval()
    sequences = [a_sequence([5, 6, 7, 8, 9])]
    assert sequence_losses(model, sequences, causal=True, token_budget=64)[0] == pytest.approx(
        plain_loss(model, sequences[0], True), rel=1e-6
    )


def test_weights_that_are_not_finite_are_refused(content):
    model, _ = content.make("gpt2")
    model.transformer.ln_f.weight.data[0] = float("nan")
    with pytest.raises(HarnessError, match="not finite"):
        sequence_losses(model, [a_sequence([5, 6, 7])], causal=True, token_budget=64)


def test_no_table_of_tokens_by_vocabulary_is_held():
    """With a large vocabulary the peak is far below the logits of the batch."""
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=50_000, n_embd=8, n_layer=1, n_head=1, n_positions=1024)).eval()
    sequences = [a_sequence(list(range(5, 900)))] * 2
    seen: list[int] = []

    class Watched(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            found = function(*args, **(kwargs or {}))
            seen.append(found.numel() if isinstance(found, torch.Tensor) else 0)
            return found

    with Watched():
        sequence_losses(model, sequences, causal=True, token_budget=4096)
    assert max(seen) <= 2**22 < 894 * 2 * 50_000 / 16


def test_values_of_a_causal_checkpoint(hub):
    records = {r.metric: r for r in evaluate("tests/tiny-gpt2@step1", "lm_loss/wiki")}
    loss, bits = records["nats_per_token"], records["bits_per_byte"]
    assert 5.5 < loss.value < 7 and loss.unit == "nats per token" and not loss.higher_is_better
    assert loss.stderr > 0 and "documents" in loss.stderr_method
    assert bits.value < loss.value / math.log(2)


def test_a_masked_loss_is_no_code_length_and_says_so(hub):
    records = {r.metric: r for r in evaluate("tests/tiny-bert", "lm_loss/wiki")}
    assert set(records) == {"nats_per_token", "nats_per_scored_byte"}
    assert records["nats_per_scored_byte"].unit == "nats per scored byte"


def test_an_encoder_without_a_head_says_why_it_has_no_loss(hub):
    (record,) = evaluate("tests/tiny-encoder", "lm_loss/wiki")
    assert record.value is None and "head" in record.error and "encoder" in record.error


@pytest.fixture
def text_task(tmp_path):
    """A task on a text file."""

    def write(text: str, more: str = "") -> str:
        (tmp_path / "own.txt").write_text(text)
        spec = (
            "description: d\nkind: lm_loss\ndata: {files: [own.txt]}\nsplits: {score: train}\ntext: {documents: file}\n"
        )
        (tmp_path / "own.yaml").write_text(spec + more)
        return str(tmp_path / "own.yaml")

    return write


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_text_without_tokens_is_one_message(content, text_task, text):
    (record,) = evaluate(content.make("gpt2"), text_task(text), name="m")
    assert "empty" in record.error or "no rows" in record.error


def test_a_window_that_does_not_fit_is_refused(content, text_task):
    (record,) = evaluate(content.make("gpt2"), text_task("some text", "loss: {window: 65}\n"), name="m")
    assert "reads 64 tokens at most" in record.error and "own.yaml:6" in record.error


def test_one_document_has_no_standard_error_and_says_so(content, text_task):
    record = evaluate(content.make("gpt2"), text_task("some text that is long enough"), name="m")[0]
    assert record.stderr is None and "single document" in record.stderr_method


def test_excess_over_the_entropy_of_a_world(content):
    """A model that knows nothing but uniform words pays log V - entropy too much."""
    from harness.data.tokenizer import train_tokenizer
    from harness.data.worlds import open_world

    world = open_world("hmm", {})
    texts = world.columns("text", "validation")["text"]
    tokenizer = train_tokenizer(texts, kind="word", vocabulary=256, objective="causal", max_length=64)
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1, n_positions=64))
    model.lm_head.weight.data.zero_()
    records = {r.metric: r for r in evaluate((model.eval(), tokenizer), "synthetic/hmm_loss", name="uniform")}
    assert records["nats_per_token"].value == pytest.approx(math.log(len(tokenizer)), rel=1e-6)
    truth = world.entropy()
    expected = math.log(len(tokenizer)) - truth.nats_per_token
    found = records["excess_nats_per_token"]
    assert found.value == pytest.approx(expected, abs=4 * math.hypot(found.stderr, truth.stderr))
