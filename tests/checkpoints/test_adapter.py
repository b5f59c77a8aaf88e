"""Adapters are checkpoints: merged into their base, they say what peft says with the adapter beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertModel

from harness import evaluate
from harness.checkpoints import load_classifier, load_language_model, resolve
from harness.errors import HarnessError
from tests.architecture_bench import DOCUMENTS, Bench
from tests.architectures import TABLE
from tests.hub.content import TOKEN
from tests.hub.server import Hub

LORA = {"r": 2, "lora_alpha": 8, "init_lora_weights": False}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def adapt(model: Any, config: peft.PeftConfig, folder: Path, base: Path | str, revision: str | None = None) -> Any:
    """Put random adapter weights on a model and save them; the adapted model, not merged."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        adapted = peft.get_peft_model(model, config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    written = adapted.peft_config["default"]
    written.base_model_name_or_path, written.revision = str(base), revision
    adapted.save_pretrained(folder)
    return adapted.eval()


def adapt_gpt2(bench: Bench, folder: Path, base: Path | str = "", **options: Any) -> Any:
    config = peft.LoraConfig(**LORA, **{"target_modules": ["c_attn", "c_proj"], "task_type": "CAUSAL_LM", **options})
    return adapt(TABLE["gpt2"].model(), config, folder, base or bench.folder("gpt2"))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to 1e-5 of the largest logit."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def ids_of(name: str) -> torch.Tensor:
    return torch.tensor([TABLE[name].tokenizer()(DOCUMENTS[0])["input_ids"]])


CONFIGS: list[tuple[str, Callable[[], peft.PeftConfig]]] = [
    ("gpt2", lambda: peft.LoraConfig(**LORA, target_modules=["c_attn"], modules_to_save=["ln_f"], task_type="CAUSAL_LM")),
    ("gpt2", lambda: peft.LoraConfig(**LORA, target_modules=["c_attn"], bias="all", use_rslora=True)),
    ("llama", lambda: peft.LoraConfig(**LORA, target_modules="all-linear", use_dora=True, task_type="CAUSAL_LM")),
    ("llama", lambda: peft.LoraConfig(**LORA, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])),
    ("llama", lambda: peft.LoraConfig(**LORA, target_modules=["v_proj"], layers_to_transform=[1], layers_pattern="layers")),
    ("bert", lambda: peft.LoraConfig(**LORA, target_modules=["query", "dense"])),
    ("bert", lambda: peft.IA3Config(target_modules=["key", "output.dense"], feedforward_modules=["output.dense"])),
    ("deberta-v3", lambda: peft.LoHaConfig(r=2, target_modules=r".*(query|value)_proj", init_weights=False)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "config"), CONFIGS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CONFIGS)]
)
def test_merged_as_beside(bench: Bench, tmp_path: Path, name: str, config: Callable[[], peft.PeftConfig]) -> None:
    beside = adapt(TABLE[name].model(), config(), tmp_path, bench.folder(name)).double()
    found = resolve(str(tmp_path))
    model, _ = load_language_model(found, "cpu", "float64")  # sums in another order are no matter there
    ids = ids_of(name)
    with torch.no_grad():
        expected, got, base = beside(input_ids=ids).logits, model(input_ids=ids).logits, TABLE[name].model()(ids).logits
    close(got, expected)
    assert (expected - base).abs().max() > 0.01
    assert type(model) is type(TABLE[name].model()) and all(p.requires_grad for p in model.parameters())
    base = resolve(str(bench.folder(name)))
    assert (found.objective, found.context, found.tokenizer) == (base.objective, base.context, base.tokenizer)
    assert found.identity.startswith("adapter:") and found.info.parent == str(bench.folder(name))
    assert found.info.parameters == base.info.parameters


@pytest.mark.parametrize("name", ["gpt2", "bert"])
@pytest.mark.slow
def test_every_kind_measures_an_adapter_as_the_model_it_makes(bench: Bench, tmp_path: Path, name: str) -> None:
    modules = ["c_attn"] if name == "gpt2" else ["query"]
    beside = adapt(TABLE[name].model(), peft.LoraConfig(**LORA, target_modules=modules), tmp_path / "adapter",
                   bench.folder(name))  # fmt: skip
    beside.merge_and_unload().save_pretrained(tmp_path / "merged")
    TABLE[name].tokenizer().save_pretrained(tmp_path / "merged")
    tasks = ("loss", "fisher", "words", "choice")
    one, two = (bench.values(tmp_path / folder, *tasks) for folder in ("adapter", "merged"))
    assert one == pytest.approx(two, rel=1e-4)
    assert one["nats_per_token"] != pytest.approx(bench.values(bench.folder(name), "loss")["nats_per_token"], rel=1e-3)


def test_a_body_is_merged_whatever_head_it_was_trained_under(bench: Bench, tmp_path: Path) -> None:
    base = bench.folder("bert")
    classifier = AutoModelForSequenceClassification.from_pretrained(base, num_labels=5)
    config = peft.LoraConfig(**LORA, target_modules=["query", "dense"], task_type="SEQ_CLS")
    trained = adapt(classifier, config, tmp_path / "classes", base)
    weight = trained.merge_and_unload().bert.encoder.layer[1].output.dense.weight
    body = adapt(
        BertModel.from_pretrained(base), peft.LoraConfig(**LORA, target_modules=["value"]), tmp_path / "body", base
    )
    value = body.merge_and_unload().encoder.layer[0].attention.self.value.weight
    for load in (load_language_model, lambda found, *where: load_classifier(found, 2, 1, *where)):
        model, _ = load(resolve(str(tmp_path / "classes")), "cpu", "float32")
        torch.testing.assert_close(model.bert.encoder.layer[1].output.dense.weight, weight)
        model, _ = load(resolve(str(tmp_path / "body")), "cpu", "float32")
        torch.testing.assert_close(model.bert.encoder.layer[0].attention.self.value.weight, value)
    head, _ = load_classifier(resolve(str(tmp_path / "classes")), 2, 1, "cpu", "float32")
    plain, _ = load_classifier(resolve(str(base)), 2, 1, "cpu", "float32")
    assert torch.equal(head.classifier.weight, plain.classifier.weight)


def test_identity_moves_with_adapter_and_base_and_with_nothing_else(bench: Bench, tmp_path: Path) -> None:
    adapt_gpt2(bench, tmp_path / "one")
    first = resolve(str(tmp_path / "one")).identity
    base = Path(shutil.copytree(bench.folder("gpt2"), tmp_path / "base"))

    def changed(folder: str, **fields: Any) -> str:
        copy = Path(shutil.copytree(tmp_path / "one", tmp_path / folder))
        written = json.loads((copy / "adapter_config.json").read_text()) | fields
        (copy / "adapter_config.json").write_text(json.dumps(written))
        return resolve(str(copy)).identity

    assert changed("moved", base_model_name_or_path="../base", peft_version="0.1") == first
    assert changed("stronger", lora_alpha=16) != first
    adapt_gpt2(bench, tmp_path / "two", target_modules=["c_attn"])
    assert resolve(str(tmp_path / "two")).identity != first
    model = TABLE["gpt2"].model()
    model.transformer.ln_f.bias.data += 1
    model.save_pretrained(base)
    assert resolve(str(tmp_path / "moved")).identity != first


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_adapter_and_base_on_the_hub(hub: Hub, bench: Bench, tmp_path: Path) -> None:
    early = hub.publish("models", "tests/adapted-base", files(bench.folder("gpt2")))
    later = TABLE["gpt2"].model()
    later.transformer.ln_f.bias.data += 1
    later.save_pretrained(tmp_path / "later")
    hub.publish("models", "tests/adapted-base", files(bench.folder("gpt2")) | files(tmp_path / "later"))
    config = peft.LoraConfig(**LORA, target_modules=["c_attn"])
    beside = adapt(TABLE["gpt2"].model(), config, tmp_path / "adapter", "tests/adapted-base", revision=early)
    commit = hub.publish("models", "tests/adapter", files(tmp_path / "adapter"), branch="step-500")
    hub.requests.clear()
    found = resolve("tests/adapter@step-500")
    assert not [path for path in hub.paths() if "safetensors" in path]
    assert (found.info.parent, found.info.step, found.info.commit) == (f"tests/adapted-base@{early}", 500, commit)
    model, _ = load_language_model(found, "cpu", "float32")
    with torch.no_grad():
        close(model(ids_of("gpt2")).logits, beside(input_ids=ids_of("gpt2")).logits)
    hub.requests.clear()
    offline = resolve("tests/adapter@step-500", offline=True)
    assert offline.identity == found.identity
    load_language_model(offline, "cpu", "float32")
    assert not hub.requests


def test_a_base_that_cannot_be_had(hub: Hub, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.publish("models", "tests/gated-base", files(bench.folder("gpt2")), token=TOKEN)
    cases = {
        "tests/gated-base": r"base of adapter .* \(tests/gated-base, .*is gated and no token was found; accept its terms",
        "tests/absent-base": r"base of adapter .*no repository tests/absent-base on the Hub",
        "/gone/model": r"base of adapter .*write there where it lies.*'/gone/model' is neither a folder here nor a Hub name",
        "": r"adapter_config.json of .* names no base model; expected base_model_name_or_path",
    }  # fmt: skip
    adapt_gpt2(bench, tmp_path)
    written = json.loads((tmp_path / "adapter_config.json").read_text())
    for base, message in cases.items():
        (tmp_path / "adapter_config.json").write_text(json.dumps(written | {"base_model_name_or_path": base}))
        with pytest.raises(HarnessError, match=message):
            resolve(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text(json.dumps(written | {"base_model_name_or_path": str(tmp_path)}))
    with pytest.raises(HarnessError, match="it leads back to itself"):
        resolve(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text(json.dumps(written | {"base_model_name_or_path": "tests/gated-base"}))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert resolve(str(tmp_path)).objective == "causal"


def test_the_permission_of_a_base_is_its_own(hub: Hub, tmp_path: Path, content: Any) -> None:
    model, _ = content.make("gpt2")
    adapt(model, peft.LoraConfig(**LORA, target_modules=["c_attn"]), tmp_path, "tests/pickled")
    for named in ((), (str(tmp_path),)):
        with pytest.raises(HarnessError, match=r"pass --allow-pickle tests/pickled if you trust it"):
            resolve(str(tmp_path), allow_pickle=named)
    load_language_model(resolve(str(tmp_path), allow_pickle=("tests/pickled",)), "cpu", "float32")


def test_what_cannot_be_merged(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    adapt(TABLE["gpt2"].model(), prompt, tmp_path / "prompt", bench.folder("gpt2"))
    with pytest.raises(HarnessError, match="type PROMPT_TUNING, which is no change of weights and cannot be merged"):
        resolve(str(tmp_path / "prompt"))
    adapt_gpt2(bench, tmp_path / "tied", target_modules=["wte"])
    (record,) = evaluate(str(tmp_path / "tied"), bench.task("loss"))
    assert "says something else once it is merged" in record.error and "untied" in record.error
    adapt_gpt2(bench, tmp_path / "other", base=bench.folder("bert"))
    with pytest.raises(HarnessError, match=r"does not fit its base .*belong to no layer of BertForMaskedLM"):
        load_language_model(resolve(str(tmp_path / "other")), "cpu", "float32")
    written = json.loads((tmp_path / "other" / "adapter_config.json").read_text())
    (tmp_path / "other" / "adapter_config.json").write_text(json.dumps(written | {"peft_type": "FUTURE"}))
    with pytest.raises(HarnessError, match="peft_type 'FUTURE', which this peft does not know"):
        resolve(str(tmp_path / "other"))
    weights = tmp_path / "tied" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(HarnessError, match="adapter_model.safetensors of .* is damaged"):
        resolve(str(tmp_path / "tied"))
    weights.rename(weights.with_name("adapter_model.bin"))
    with pytest.raises(HarnessError, match=r"found only adapter_model.bin \(pickle, which can run code\)"):
        resolve(str(tmp_path / "tied"))
    monkeypatch.setattr("harness.checkpoints.adapter.find_spec", lambda _: None)
    with pytest.raises(HarnessError, match=r"pip install 'transfer-harness\[peft\]'"):
        resolve(str(tmp_path / "prompt"))


def test_tokens_that_were_added_for_the_adapter(bench: Bench, tmp_path: Path) -> None:
    model, tokenizer = TABLE["llama"].model(), TABLE["llama"].tokenizer()
    tokenizer.add_tokens(["<user>", "<answer>"])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    config = peft.LoraConfig(**LORA, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])
    beside = adapt(model, config, tmp_path, bench.folder("llama"))
    tokenizer.save_pretrained(tmp_path)
    found = resolve(str(tmp_path))
    assert found.tokenizer != resolve(str(bench.folder("llama"))).tokenizer
    merged, loaded = load_language_model(found, "cpu", "float32")
    ids = loaded("<user> the king <answer>", return_tensors="pt")["input_ids"]
    assert ids.max() == len(tokenizer) - 1
    with torch.no_grad():
        close(merged(ids).logits, beside(input_ids=ids).logits)


def test_an_adapter_beside_a_whole_model_is_not_looked_at(bench: Bench, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bench.folder("gpt2"), tmp_path / "both"))
    adapt_gpt2(bench, tmp_path / "adapter")
    shutil.copytree(tmp_path / "adapter", folder, dirs_exist_ok=True)
    found, plain = resolve(str(folder)), resolve(str(bench.folder("gpt2")))
    assert found.identity == plain.identity and found.base is None
    weights = load_language_model(found, "cpu", "float32")[0].state_dict()
    expected = load_language_model(plain, "cpu", "float32")[0].state_dict()
    assert set(weights) == set(expected) and all(torch.equal(weights[name], expected[name]) for name in weights)
