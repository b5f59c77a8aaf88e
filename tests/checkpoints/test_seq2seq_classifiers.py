"""Encoder-decoder checkpoints from folder to language model and classifier."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.checkpoints import load_classifier, load_language_model, resolve, resolve_in_memory
from harness.checkpoints.activations import fuse_activations
from harness.errors import HarnessError
from tests.hub import seq2seq

TEXTS = ["the king sold a silver bell by the river", "mira found it"]
HEADS = {
    "t5": "classification_head.",
    "bart": "classification_head.",
    "mbart": "classification_head.",
    "marian": "classifier.",
}
ENCODERS = {"t5": "transformer", "bart": "model", "mbart": "model"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Every model saved."""
    found = {}
    for name in seq2seq.MAKERS:
        model, tokenizer = seq2seq.make(name)
        found[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(found[name])
        tokenizer.save_pretrained(found[name])
    return found


@pytest.mark.parametrize("name", sorted(seq2seq.MAKERS))
def test_a_language_model_comes_back_with_its_own_head_and_bias(folders, name):
    resolved = resolve(str(folders[name]))
    model, tokenizer = load_language_model(resolved, "cpu", "float32")
    made, _ = seq2seq.make(name)
    assert (resolved.objective, resolved.context) == ("seq2seq", 64) and not model.training
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        ours, theirs = (one(**batch, labels=batch.input_ids).logits for one in (model, fuse_activations(made)))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_classifier_depends_on_the_seed_and_the_checkpoint_alone(folders, name):
    resolved = resolve(str(folders[name]))
    first, _ = load_classifier(resolved, 3, 1, "cpu", "float32", 0.0)
    torch.manual_seed(6)
    again, _ = load_classifier(resolved, 3, 1, "cpu", "float32", 0.0)
    other, _ = load_classifier(resolved, 3, 2, "cpu", "float32", 0.0)
    weights = first.state_dict()
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in weights.items())
    changed = {key for key, value in weights.items() if not torch.equal(value, other.state_dict()[key])}
    assert changed == {key for key in weights if key.startswith(HEADS[name]) and key.endswith("weight")}
    assert first.training and {m.p for m in first.modules() if isinstance(m, torch.nn.Dropout)} == {0.0}


@pytest.mark.parametrize("name", sorted(HEADS))
def test_the_body_is_the_checkpoints_and_padding_changes_nothing(folders, name):
    model, tokenizer = load_classifier(resolve(str(folders[name])), 2, 1, "cpu", "float32", 0.0)
    made, _ = seq2seq.make(name)
    body = model.get_submodule(ENCODERS[name]).get_encoder() if name in ENCODERS else model.encoder
    model.eval()
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        states, expected = (encoder(**batch).last_hidden_state for encoder in (body, made.get_encoder()))
        together = model(**batch).logits
        alone = torch.cat([model(**tokenizer([text], return_tensors="pt")).logits for text in TEXTS])
    assert torch.equal(states, expected)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_the_head_of_t5_has_the_spread_that_t5_gives_it(folders):
    """Standard deviation ``1 / sqrt(d_model)`` (T5's own), not the 1 of a bare linear layer."""
    model, _ = load_classifier(resolve(str(folders["t5"])), 2, 1, "cpu", "float32")
    assert float(model.classification_head.dense.weight.detach().std()) == pytest.approx(16**-0.5, rel=0.2)


def test_the_mean_is_over_tokens_that_are_no_padding(folders):
    model, tokenizer = load_classifier(resolve(str(folders["marian"])), 2, 1, "cpu", "float32", 0.0)
    model.eval()
    ids = tokenizer(TEXTS[:1], return_tensors="pt").input_ids
    with torch.no_grad():
        states = model.encoder(input_ids=ids).last_hidden_state
        expected = model.classifier(states[0].mean(0))
        found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
    torch.testing.assert_close(found, expected)


def test_a_model_in_memory_gives_the_same_classifier(folders):
    here, _ = load_classifier(resolve_in_memory(*seq2seq.make("bart")), 2, 1, "cpu", "float32")
    there, _ = load_classifier(resolve(str(folders["bart"])), 2, 1, "cpu", "float32")
    assert all(torch.equal(value, there.state_dict()[key]) for key, value in here.state_dict().items())


@pytest.mark.parametrize(
    ("name", "lacking"), [("marian", "model.encoder.layers.1.fc1.weight"), ("t5", "encoder.final_layer_norm.weight")]
)
def test_missing_weights_of_the_body_are_refused(folders, tmp_path, name, lacking):
    from safetensors.torch import load_file, save_file

    for file in folders[name].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop(lacking)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(HarnessError, match=r"lacks 1 weights of its body"):
        load_classifier(resolve(str(tmp_path)), 2, 1, "cpu", "float32")
    with pytest.raises(HarnessError, match=r"lacks 1 weights of its (marian|t5) "):
        load_language_model(resolve(str(tmp_path)), "cpu", "float32")


def test_an_encoder_decoder_that_reads_no_text_is_refused(folders):
    speech = replace(resolve(str(folders["marian"])), architecture="whisper")
    with pytest.raises(HarnessError, match=r"no classifier for its architecture \(whisper\)"):
        load_classifier(speech, 2, 1, "cpu", "float32")
