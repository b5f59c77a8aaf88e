"""Checkpoints are found by name, revision, commit or folder; only config and tokenizer are fetched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.checkpoints import expand, resolve
from harness.errors import HarnessError
from tests.hub.content import TOKEN, Content
from tests.hub.server import Hub


def test_by_name(hub: Hub) -> None:
    found = resolve("tests/tiny-bert")
    commit = hub.repositories["models", "tests/tiny-bert"].branches["main"]
    assert found.identity == found.revision == found.info.commit == commit
    assert (found.objective, found.architecture, found.context) == ("masked", "bert", 64)
    assert found.info.names == ("tests/tiny-bert",)
    assert found.info.run == "tests/tiny-bert"
    assert found.weights == ("model.safetensors",)


def test_no_weights_are_fetched(hub: Hub) -> None:
    resolve("tests/tiny-llama")
    assert hub.requests
    assert not [path for path in hub.paths() if "safetensors" in path]


def test_by_branch_tag_and_commit(hub: Hub) -> None:
    branches = hub.repositories["models", "tests/tiny-gpt2"].branches
    early, late = resolve("tests/tiny-gpt2@step1"), resolve("tests/tiny-gpt2@step2")
    assert (early.identity, late.identity) == (branches["step1"], branches["step2"])
    assert resolve("tests/tiny-gpt2").identity == resolve("tests/tiny-gpt2@v1.0").identity == late.identity
    assert resolve(f"tests/tiny-gpt2@{early.identity}").identity == early.identity
    assert early.tokenizer == late.tokenizer


def test_a_series_is_one_run(hub: Hub) -> None:
    found = [resolve(name).info for name in expand("tests/tiny-gpt2@step{1,2}")]
    assert {info.run for info in found} == {"tests/tiny-gpt2"}
    assert [info.step for info in found] == [1, 2]
    assert len({info.identity for info in found}) == 2


def test_a_folder(content: Content) -> None:
    found = resolve(str(content.folder("gpt2")))
    assert found.identity.startswith("weights:")
    assert (found.revision, found.objective, found.context) == (None, "causal", 64)
    model, _ = content.make("gpt2")
    assert found.info.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_what_the_maker_wrote(content: Content, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(content.folder("bert"), tmp_path / "step-7"))
    before = resolve(str(folder))
    facts = {"run": "seed1", "step": 9, "training_seed": 1, "corpus": "c", "objective": "masked", "parent": "p"}
    (folder / "harness.json").write_text(json.dumps({**facts, "made": {"maker": "pretrain"}}))
    after = resolve(str(folder))
    assert before.identity == after.identity
    assert (before.info.step, before.info.run) == (7, str(tmp_path))
    assert {name: getattr(after.info, name) for name in facts} == facts
    assert after.info.made == {"maker": "pretrain"}
    (folder / "harness.json").write_text('{"stepp": 1}')
    with pytest.raises(HarnessError, match=r"unknown key 'stepp'; did you mean 'step'"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tests/absent", r"no repository tests/absent on the Hub .* check the spelling, or set HF_TOKEN"),
        ("tests/tiny-gpt2@step11", r"has no revision 'step11'; did you mean 'step1'"),
        ("tests/no-config", r"tests/no-config on the Hub has no config.json"),
        ("tests/no-tokenizer", r"has no tokenizer: found tokenizer_config.json; expected tokenizer.json"),
        ("tests/pickled", r"only pytorch_model.bin \(pickle, .* pass --allow-pickle tests/pickled if you trust it"),
        ("tests/remote-code", r"wants to run code of its own: modeling_own.py .* pass --trust-remote-code tests"),
        ("tests/gated-gpt2", r"is gated and no token was found; accept its terms at .* and set HF_TOKEN"),
    ],
)
def test_what_cannot_be_resolved_on_the_hub(hub: Hub, name: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        resolve(name)


def test_a_gated_repository_opens_with_its_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_another_user")
    with pytest.raises(HarnessError, match=r"token in HF_TOKEN has no access to it .*403"):
        resolve("tests/gated-gpt2")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert resolve("tests/gated-gpt2").objective == "causal"


def test_offline_reads_the_cache_alone(hub: Hub, content: Content) -> None:
    hub.publish("models", "tests/later", content.files("encoder"))
    with pytest.raises(HarnessError, match=r"tests/later@main is not in the cache .* run once without"):
        resolve("tests/later@main", offline=True)
    online = resolve("tests/later@main")
    hub.requests.clear()
    offline = resolve("tests/later@main", offline=True)
    assert (offline.identity, offline.tokenizer) == (online.identity, online.tokenizer)
    assert not hub.requests


def test_no_network(hub: Hub, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere + "/{repo_id}/resolve/{revision}/{filename}")
    with pytest.raises(
        HarnessError, match=r"cannot be reached for config.json of tests/unseen; check the network, or pass --offline"
    ):
        resolve("tests/unseen")


def test_folders_that_are_no_checkpoints(content: Content, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"holds no config.json \(found nothing\)"):
        resolve(str(tmp_path))
    folder = Path(shutil.copytree(content.folder("bert"), tmp_path / "model"))
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-10])
    with pytest.raises(HarnessError, match=r"model.safetensors of .* is damaged: \d+ bytes where its header expects"):
        resolve(str(folder))
    (folder / "model.safetensors").write_bytes(b"<html>not found</html>")
    with pytest.raises(HarnessError, match="is no safetensors file or is damaged"):
        resolve(str(folder))
    (folder / "model.safetensors").rename(folder / "model.onnx")
    with pytest.raises(HarnessError, match=r"has no weights to load: found only model.onnx; expected model"):
        resolve(str(folder))
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(
        HarnessError, match="is an adapter without weights to load: found none; expected adapter_model.safetensors"
    ):
        resolve(str(folder))


def test_an_index_names_shards_that_must_be_there(content: Content, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(content.folder("bert"), tmp_path / "model"))
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(HarnessError, match=r"lacks 1 of 2 weight files \(model-00002-of-00002.safetensors"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "holds a JSON list; expected an object"),
        ("{}", "names no model_type"),
        ('{"model_type": "bertt"}', r"model_type 'bertt', which this transformers does not know; did you mean 'bert'"),
    ],
)
def test_broken_configs(content: Content, tmp_path: Path, config: str, message: str) -> None:
    folder = Path(shutil.copytree(content.folder("bert"), tmp_path / "model"))
    (folder / "config.json").write_text(config)
    with pytest.raises(HarnessError, match=message):
        resolve(str(folder))
