from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from harness import evaluate
from harness.checkpoints import load_language_model, resolve
from harness.cli import main
from harness.errors import HarnessError
from harness.evaluator import run
from harness.makers import enlarge as maker
from harness.makers.registry import make
from harness.request import Options, from_suite, roles_of
from harness.results import Store
from harness.specs import Enlarge, Prune
from harness.specs.makers import MAKERS


def recipe(start: Path, **sizes: Any) -> Enlarge:
    return Enlarge.model_validate({"maker": "enlarge", "start": str(start), **sizes})


def test_every_recipe_has_a_maker_under_its_name():
    from importlib import import_module

    assert all(callable(import_module(f"harness.makers.{name}").make) for name in MAKERS)


def test_the_member_is_a_checkpoint_that_says_what_its_start_says(content, tmp_path):
    start = content.folder("gpt2")
    sizes = {"hidden_size": 64, "num_hidden_layers": 3, "max_position_embeddings": 96}
    assert make(recipe(start, **sizes), tmp_path / "large") == ["enlarged"]
    small, large = resolve(str(start)), resolve(str(tmp_path / "large" / "enlarged"))
    assert (large.objective, large.tokenizer, large.context) == ("causal", small.tokenizer, 96)
    assert (large.info.parent, large.info.step, large.info.run) == (str(start), small.info.step, small.info.run)
    assert large.info.made["from"] == small.identity and 0 <= large.info.made["logits_moved"] < 1e-5
    ids = torch.arange(20)[None]
    before, after = (load_language_model(one, "cpu", "float32")[0](input_ids=ids).logits for one in (small, large))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    assert load_language_model(large, "cpu", "float32")[1].model_max_length == 96


def test_what_stands_is_not_made_again_and_another_recipe_is_refused(content, tmp_path, monkeypatch):
    given = recipe(content.folder("gpt2"), num_hidden_layers=3)
    make(given, tmp_path / "large")
    monkeypatch.setattr("harness.checkpoints.resolve", None)
    assert make(given, tmp_path / "large") == ["enlarged"]
    with pytest.raises(HarnessError, match=r"made with other settings \(num_hidden_layers\)"):
        make(recipe(content.folder("gpt2"), num_hidden_layers=4), tmp_path / "large")


def test_a_larger_model_without_finite_logits_is_not_kept(content, tmp_path, monkeypatch):
    def broken(model, given):
        model.lm_head.weight.data.mul_(float("nan"))
        return model

    monkeypatch.setattr(maker, "enlarged", broken)
    with pytest.raises(HarnessError, match="gives other logits: .* not finite"):
        make(recipe(content.folder("gpt2"), num_hidden_layers=3), tmp_path / "large")
    assert not (tmp_path / "large/enlarged").exists()


def test_a_folder_in_which_nothing_stands_takes_another_recipe(content, tmp_path):
    with pytest.raises(HarnessError, match="leave vocab_size at"):
        make(recipe(content.folder("gpt2"), vocab_size=5000), tmp_path / "large")
    make(recipe(content.folder("gpt2"), num_hidden_layers=3), tmp_path / "large")
    assert "num_hidden_layers: 3" in (tmp_path / "large" / "family.yaml").read_text()


def test_a_larger_model_that_says_something_else_is_not_kept(content, tmp_path, monkeypatch):
    def spoilt(model: Any, given: Enlarge) -> Any:
        larger = maker_enlarged(model, given)
        larger.transformer.ln_f.bias.data[0] += 0.5
        return larger

    maker_enlarged = maker.enlarged
    monkeypatch.setattr(maker, "enlarged", spoilt)
    with pytest.raises(HarnessError, match="gives other logits: they differ by .* expected at most 1e-04"):
        make(recipe(content.folder("gpt2"), num_hidden_layers=3), tmp_path / "large")
    assert not (tmp_path / "large" / "enlarged").exists()


def test_a_larger_model_of_a_pruned_one_has_no_masks(content, tmp_path):
    pruned = {"maker": "prune", "start": str(content.folder("gpt2")), "sparsity": [0.5]}
    make(Prune.model_validate(pruned), tmp_path / "p")
    make(recipe(tmp_path / "p/sparsity=0.5", num_hidden_layers=3), tmp_path / "large")
    assert (
        resolve(str(tmp_path / "p/sparsity=0.5")).pruning and resolve(str(tmp_path / "large/enlarged")).pruning is None
    )


def test_a_model_without_a_head_has_no_function_to_keep(content, tmp_path):
    with pytest.raises(HarnessError, match="has no LM head"):
        make(recipe(content.folder("encoder"), intermediate_size=80), tmp_path / "large")


SUITE = """title: sizes
families:
  small: {{checkpoints: [{start}]}}
  large: {{make: {{maker: enlarge, start: {start}, hidden_size: 64, intermediate_size: 160}}}}
tasks:
  upstream: [{{name: own/loss, include: synthetic/hmm_loss, text: {{first: 40}}}}]
  flatness: [{{name: own/fisher, include: synthetic/hmm_fisher, text: {{first: 40}}}}]
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "llama", "bert"])
def test_a_suite_makes_the_larger_model_and_both_have_one_loss_and_one_trace(content, tmp_path, kind):
    (tmp_path / "suite.yaml").write_text(SUITE.format(start=content.folder(kind)))
    assert roles_of(tmp_path).families["large"] == ("large/enlarged",)
    assert not run(from_suite(tmp_path), tmp_path, Options()).failed
    store = Store(tmp_path)
    parents = {identity: info.parent for identity, info in store.checkpoints.items()}
    found = {(r.metric, parents[r.checkpoint] is not None): r.value for r in store.records}
    assert {large for _, large in found} == {True, False}
    compared = {"nats_per_token", "fisher_trace"} if kind != "bert" else {"nats_per_token"}  # its head: see widths.py
    assert compared <= {metric for metric, _ in found}
    for metric in compared:
        assert found[metric, True] == pytest.approx(found[metric, False], rel=1e-5), metric


@pytest.mark.slow
def test_the_command_makes_what_scores_as_its_start_does_or_says_why_not(content, tmp_path, capsys, monkeypatch):
    def command(*sizes: str) -> str:
        path = tmp_path / "recipe.yaml"
        path.write_text("\n".join((f"start: {content.folder('bert')}", *sizes)))
        monkeypatch.setattr("sys.argv", ["harness", "make", "enlarge", str(path), "-o", str(tmp_path / "large")])
        main()
        return capsys.readouterr().out.strip()

    member = command("num_attention_heads: 4", "hidden_size: 64")
    assert member == str(tmp_path / "large" / "enlarged")
    assert json.loads((Path(member) / "config.json").read_text())["hidden_size"] == 64
    start, large = (evaluate(name, ["synthetic/hmm_loss"], limit=40) for name in (str(content.folder("bert")), member))
    losses = [{r.metric: (r.value, r.n) for r in records} for records in (start, large)]
    assert losses[1]["nats_per_token"] == (
        pytest.approx(losses[0]["nats_per_token"][0], rel=1e-5),
        losses[0]["nats_per_token"][1],
    )
    with pytest.raises(SystemExit) as stopped:
        command("num_hidden_layers: 4")
    assert stopped.value.code == 3 and "made with other settings" in capsys.readouterr().err
