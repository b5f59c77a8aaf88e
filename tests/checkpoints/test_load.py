"""Resolved checkpoints load as language models and as classifiers; what cannot is refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.checkpoints import load_classifier, load_language_model, resolve, resolve_in_memory
from harness.checkpoints.activations import fuse_activations
from harness.checkpoints.causality import looks_ahead
from harness.errors import HarnessError
from tests.hub.content import Content
from tests.hub.server import Hub


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
def test_over_http_as_from_memory(hub: Hub, content: Content, name: str) -> None:
    hub_name = "tests/tiny-gpt2@step1" if name == "gpt2" else f"tests/tiny-{name}"
    model, tokenizer = load_language_model(resolve(hub_name), "cpu", "float32")
    made, _ = content.make(name)
    batch = tokenizer("the king sold a silver bell", return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, fuse_activations(made.eval())(**batch).logits)
    assert not model.training
    assert type(model) is type(made)


def test_offline_from_the_cache(hub: Hub) -> None:
    resolved = resolve("tests/tiny-gpt2@step2")
    load_language_model(resolved, "cpu", "float32")
    hub.requests.clear()
    load_language_model(resolve("tests/tiny-gpt2@step2", offline=True), "cpu", "float32")
    assert not hub.requests


def test_weights_that_were_never_fetched(hub: Hub, content: Content) -> None:
    hub.publish("models", "tests/planned", content.files("bert"))
    resolve("tests/planned")
    with pytest.raises(HarnessError, match="weights of tests/planned are not in the cache and --offline forbids"):
        load_language_model(resolve("tests/planned", offline=True), "cpu", "float32")


def test_pickle_is_loaded_where_it_is_allowed(hub: Hub, content: Content) -> None:
    model, _ = load_language_model(resolve("tests/pickled", allow_pickle=True), "cpu", "float32")
    made, _ = content.make("gpt2")
    assert torch.equal(model.transformer.wte.weight, made.transformer.wte.weight)
    assert not any("discussions" in path or "convert" in path for path in hub.paths())


def test_remote_code_runs_where_it_is_allowed(hub: Hub) -> None:
    model, _ = load_language_model(resolve("tests/remote-code", trust_remote_code=True), "cpu", "float32")
    assert type(model).__name__ == "OwnModel"


def test_an_encoder_has_no_language_model_loss(hub: Hub) -> None:
    with pytest.raises(HarnessError, match=r"is an encoder and has no LM head"):
        load_language_model(resolve("tests/tiny-encoder"), "cpu", "float32")


@pytest.fixture
def headless(content: Content, tmp_path: Path) -> Iterator[Path]:
    """A body without head, whose config says it has one."""
    folder = Path(shutil.copytree(content.folder("encoder"), tmp_path / "headless"))
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["BertForMaskedLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    yield folder


def test_a_random_head_is_never_scored(headless: Path) -> None:
    with pytest.raises(HarnessError, match=r"has no LM head: \d+ weights are missing \(cls.predictions"):
        load_language_model(resolve(str(headless)), "cpu", "float32")


def test_a_masked_model_is_never_scored_as_causal(content: Content) -> None:
    causal, _ = content.make("gpt2")
    masked, _ = content.make("bert")
    assert not looks_ahead(causal.eval())
    assert looks_ahead(masked.eval())


def test_dtype(content: Content) -> None:
    resolved = resolve(str(content.folder("gpt2")))
    assert load_language_model(resolved, "cpu", "bfloat16")[0].dtype == torch.bfloat16
    with pytest.raises(HarnessError, match="dtype 'int8' is not known"):
        load_language_model(resolved, "cpu", "int8")


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert", "encoder"])
def test_classifiers_depend_on_the_seed_alone(content: Content, name: str) -> None:
    resolved = resolve(str(content.folder(name)))
    torch.manual_seed(5)
    first, tokenizer = load_classifier(resolved, 3, 1, "cpu", "float32", 0.0)
    drawn = torch.rand(3)
    torch.manual_seed(6)
    again, _ = load_classifier(resolved, 3, 1, "cpu", "float32", 0.0)
    other, _ = load_classifier(resolved, 3, 2, "cpu", "float32", 0.0)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3)), "the global random state was moved"
    weights = first.state_dict()
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in weights.items())
    changed = {key for key, value in weights.items() if not torch.equal(value, other.state_dict()[key])}
    heads = {"gpt2": {"score.weight"}, "llama": {"score.weight"}, "encoder": {"classifier.weight"},
             "bert": {"classifier.weight", "bert.pooler.dense.weight"}}  # fmt: skip
    assert changed == heads[name]
    batch = tokenizer(["the king", "the king sold a silver bell"], padding=True, return_tensors="pt")
    assert first.training
    assert first(**batch).logits.shape == (2, 3)


def test_the_body_of_a_classifier_is_the_checkpoint(content: Content) -> None:
    model, _ = load_classifier(resolve(str(content.folder("encoder"))), 2, 1, "cpu", "float32")
    made, _ = content.make("encoder")
    assert all(torch.equal(value, model.bert.state_dict()[key]) for key, value in made.state_dict().items())


def test_a_head_that_is_there_is_drawn_anew(content: Content, tmp_path: Path) -> None:
    resolved = resolve(str(content.folder("encoder")))
    trained, tokenizer = load_classifier(resolved, 3, 9, "cpu", "float32")
    trained.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for labels in (2, 3):
        anew, _ = load_classifier(resolve(str(tmp_path)), labels, 1, "cpu", "float32")
        fresh, _ = load_classifier(resolved, labels, 1, "cpu", "float32")
        assert torch.equal(anew.classifier.weight, fresh.classifier.weight)


def test_regression_and_dropout(content: Content) -> None:
    resolved = resolve(str(content.folder("bert")))
    plain, _ = load_classifier(resolved, 1, 1, "cpu", "float32", 0.0)
    kept, _ = load_classifier(resolved, 2, 1, "cpu", "float32")
    assert (plain.config.problem_type, kept.config.problem_type) == ("regression", "single_label_classification")
    rates = {module.p for module in plain.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.0}
    assert kept.config.hidden_dropout_prob == 0.1


def test_in_memory_models(content: Content) -> None:
    model, tokenizer = content.make("gpt2")
    resolved = resolve_in_memory(model.train(), tokenizer)
    copy, _ = load_language_model(resolved, "cpu", "float32")
    assert copy is not model
    assert model.training
    assert load_language_model(resolve_in_memory(model.eval(), tokenizer), "cpu", "float32")[0] is model
    here, padded = load_classifier(resolved, 2, 1, "cpu", "float32")
    there, _ = load_classifier(resolve(str(content.folder("gpt2"))), 2, 1, "cpu", "float32")
    assert all(torch.equal(value, there.state_dict()[key]) for key, value in here.state_dict().items())
    assert padded.pad_token is not None
    assert tokenizer.pad_token is None


def test_a_body_with_missing_weights_is_refused(content: Content, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(content.folder("encoder"), tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.layer.1.output.dense.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(HarnessError, match=r"lacks 1 weights of its body \(bert.encoder.layer.1.output.dense.weight\)"):
        load_classifier(resolve(str(folder)), 2, 1, "cpu", "float32")


def test_no_classifier_of_this_architecture(content: Content, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(content.folder("gpt2"), tmp_path / "model"))
    config = {"model_type": "mamba", "architectures": ["MambaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(HarnessError, match=r"no classifier for its architecture \(mamba\)"):
        load_classifier(resolve(str(folder)), 2, 1, "cpu", "float32")
