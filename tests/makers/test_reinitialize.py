from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
import yaml
from pydantic import ValidationError
from scipy import stats

from harness.checkpoints import load_classifier, resolve
from harness.checkpoints.layers import transformer_of
from harness.errors import HarnessError
from harness.makers.registry import make
from harness.makers.surgery import load_as_saved
from harness.specs import Reinitialize
from tests.architectures import GPT2, SIZES, TABLE
from tests.checkpoints.test_layers import tiny
from tests.hub import seq2seq

NAMES = ("gpt2", "gemma2", "modernbert", "bert-body")
MORE = ("bert", "llama", "neox", "opt", "qwen3", "roberta", "deberta-v3", "electra", "electra-discriminator", "mpnet")
CAUSAL_AND_MASKED = [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]


def recipe(start: Path, **settings: Any) -> Reinitialize:
    return Reinitialize.model_validate({"maker": "reinitialize", "start": str(start), **settings})


def saved(folder: Path, name: str = "bert", layers: int = 2) -> Path:
    """A checkpoint of so many layers, made once for a folder."""
    entry = TABLE[name]
    sizes = GPT2 | {"n_layer": layers} if name == "gpt2" else SIZES | {"num_hidden_layers": layers}
    return replace(entry, sizes=sizes).save(folder / f"{name}-{layers}")


def parameters(folder: Path) -> dict[str, torch.Tensor]:
    model, _ = load_as_saved(resolve(str(folder)))
    return {name: p.detach() for name, p in model.named_parameters()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("name", CAUSAL_AND_MASKED)
def test_only_matrices_and_normalisations_of_the_chosen_layers_change(tmp_path, name):
    start = saved(tmp_path, name)
    make(recipe(start, mode="progressive", layers_kept=[0, 1, 2]), tmp_path / "f")
    before = parameters(start)
    layers = transformer_of(load_as_saved(resolve(str(start)))[0]).layers
    for kept in (0, 1, 2):
        member = tmp_path / "f" / f"layers_kept={kept}" / "seed=1"
        after = parameters(member)
        expected = {v.name for layer in layers[kept:] for v in (*layer.matrices, *layer.norms)}
        assert changed(before, after) == expected
        for norm in (norm for layer in layers[kept:] for norm in layer.norms):
            first = 0 if norm.name.endswith("bias") or name == "gemma2" else 1
            assert torch.equal(after[norm.name], torch.full_like(after[norm.name], first))
        named = resolve(str(member))
        assert (named.objective, named.info.parent) == (resolve(str(start)).objective, str(start))
        load_classifier(named, 2, 1, "cpu", "float32")


@pytest.mark.slow
def test_an_encoder_and_a_decoder_are_counted_one_after_the_other(tmp_path):
    start = seq2seq_folder(tmp_path, "t5")
    make(recipe(start, mode="single", layers="0:3:1"), tmp_path / "all")
    make(recipe(start, mode="single", layers=[1], stack="decoder"), tmp_path / "decoder")
    before = parameters(start)
    found = [changed(before, parameters(tmp_path / "all" / f"layer={n}" / "seed=1")) for n in range(4)]
    assert [{".".join(name.split(".")[:3]) for name in names} for names in found] == [
        {"encoder.block.0"}, {"encoder.block.1"}, {"decoder.block.0"}, {"decoder.block.1"},
    ]  # fmt: skip
    assert changed(before, parameters(tmp_path / "decoder" / "layer=1" / "seed=1")) == found[3]
    assert not any("relative_attention_bias" in name for names in found for name in names)


def seq2seq_folder(folder: Path, name: str) -> Path:
    """An encoder-decoder model of the tests."""
    for part in seq2seq.make(name):
        part.save_pretrained(folder / name)
    return folder / name


def test_what_is_drawn_is_a_normal_distribution_cut_off_at_two_standard_deviations(tmp_path):
    sizes = SIZES | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1}
    start = replace(TABLE["bert"], sizes=sizes).save(tmp_path / "wide")
    make(recipe(start, mode="progressive", layers_kept=0, standard_deviation=0.05), tmp_path / "f")
    after = parameters(tmp_path / "f" / "layers_kept=0" / "seed=1")
    drawn = {n: p.flatten().double().numpy() for n, p in after.items() if ".layer.0." in n and p.ndim == 2}
    values = np.concatenate(list(drawn.values())) / 0.05
    assert len(values) == 4 * 64 * 64 + 2 * 64 * 128 and np.abs(values).max() <= 2 + 1e-6
    assert stats.kstest(values, stats.truncnorm(-2, 2).cdf).pvalue > 0.01
    assert values.mean() == pytest.approx(0, abs=4 * 0.88 / math.sqrt(len(values)))
    assert values.std() == pytest.approx(stats.truncnorm(-2, 2).std(), rel=0.02)
    first, second = (drawn[name] for name in sorted(drawn)[:2])
    assert abs(np.corrcoef(first[:4096], second[:4096])[0, 1]) < 0.06


@pytest.mark.slow
def test_seeds_and_members_share_no_drawn_weights_and_the_same_recipe_gives_the_same(tmp_path):
    start = saved(tmp_path, layers=3)
    given = recipe(start, mode="progressive", layers_kept=[1, 2], seeds=[1, 2])
    assert make(given, tmp_path / "a") == [f"layers_kept={k}/seed={s}" for s in (1, 2) for k in (1, 2)]
    make(given, tmp_path / "b")
    name = "bert.encoder.layer.2.output.dense.weight"
    found = [parameters(tmp_path / "a" / member)[name] for member in given.members()]
    again = [parameters(tmp_path / "b" / member)[name] for member in given.members()]
    assert all(torch.equal(x, y) for x, y in zip(found, again, strict=True))
    assert len({x.numpy().tobytes() for x in found}) == 4
    runs = {resolve(str(tmp_path / "a" / member)).info.run for member in given.members()}
    assert len(runs) == 4


def test_biases_normalisations_and_embeddings_as_asked(tmp_path):
    start = saved(tmp_path)
    options = {"layer_norm": "keep", "biases": "zero", "embeddings": "reinitialize"}
    make(recipe(start, mode="single", layers=[1], **options), tmp_path / "f")
    before, after = parameters(start), parameters(tmp_path / "f" / "layer=1" / "seed=1")
    layer = "bert.encoder.layer.1."
    matrices = {n for n in before if n.startswith(layer) and "LayerNorm" not in n}
    tables = {f"bert.embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")}
    assert changed(before, after) == matrices | tables
    assert all(not after[name].any() for name in matrices if name.endswith("bias"))
    words = after["bert.embeddings.word_embeddings.weight"]
    assert not words[0].any() and words[1:].abs().max() <= 0.04


@pytest.mark.parametrize(("settings", "expected"), [
    ({"mode": "block_reinit", "starts": [1]}, {"start=1": (1, 2, 3)}),
    ({"mode": "block_preserve", "starts": [0, 2]}, {"start=0": (3, 4), "start=2": (0, 1)}),
    ({"mode": "block_reinit", "starts": "3:4:1", "width": 1}, {"start=3": (3,), "start=4": (4,)}),
    ({"mode": "alternate"}, {"reinitialized=even": (0, 2, 4), "reinitialized=odd": (1, 3)}),
    ({"mode": "layers", "layers": [[0, 4], [2]]}, {"layers=0+4": (0, 4), "layers=2": (2,)}),
    ({"mode": "layers", "layers": [0, 4]}, {"layers=0+4": (0, 4)}),
    ({"mode": "progressive", "layers_kept": [3, 5]}, {"layers_kept=3": (3, 4), "layers_kept=5": ()}),
])  # fmt: skip
def test_modes_choose_their_layers(settings, expected):
    given = recipe(Path("x"), **settings)
    assert {m.removesuffix("/seed=1"): given.reinitialized(m, 5) for m in given.members()} == expected


def test_a_family_says_what_was_drawn_and_goes_on_where_it_was_left(tmp_path, monkeypatch):
    from harness.makers import reinitialize as maker

    start = saved(tmp_path, layers=3)
    given = recipe(start, mode="block_reinit", starts=[0, 1], width=2)
    whole = maker.change
    calls = []

    def killed(*arguments: Any) -> Any:
        calls.append(arguments[-1])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(maker, "change", killed)
    with pytest.raises(KeyboardInterrupt):
        make(given, tmp_path / "f")
    make(given, tmp_path / "f")
    assert calls == ["start=0/seed=1", "start=1/seed=1", "start=1/seed=1"]
    about = yaml.safe_load((tmp_path / "f" / "family.yaml").read_text())
    assert about["from"] == {str(start): resolve(str(start)).identity} and about["varies"] == "layers drawn anew"
    assert about["members"] == {
        f"start={n}/seed=1": {"start": n, "seed": 1, "reinitialized": [n, n + 1], "embeddings": False} for n in (0, 1)
    }
    told = json.loads((tmp_path / "f" / "start=1" / "seed=1" / "harness.json").read_text())
    assert (told["training_seed"], told["made"]["reinitialized"]) == (1, [1, 2])
    assert make(given, tmp_path / "f") == list(given.members()) and len(calls) == 3


def test_a_member_in_which_nothing_was_drawn_is_its_start(tmp_path):
    start = saved(tmp_path)
    make(recipe(start, mode="progressive", layers_kept=[2], seeds=[1, 2]), tmp_path / "f")
    folders = [tmp_path / "f" / "layers_kept=2" / f"seed={seed}" for seed in (1, 2)]
    assert changed(parameters(start), parameters(folders[0])) == set()
    first, second = (resolve(str(folder)) for folder in folders)
    assert first.identity == second.identity
    assert first.info.run == second.info.run == resolve(str(start)).info.run


@pytest.mark.parametrize(("settings", "message"), [
    ({"mode": "progressive", "layers_kept": [3]}, "layers_kept 3: the model has 2 layers, 0 to 1; expected 0 to 2"),
    ({"mode": "single", "layers": [0, 7]}, "there is no layer 7: the model has 2 layers, 0 to 1"),
    ({"mode": "block_reinit", "starts": [1], "width": 2}, "window from layer 1 ends with layer 2: the model has 2 layers"),
    ({"mode": "alternate", "stack": "decoder"}, "no layers in 'decoder'"),
])  # fmt: skip
def test_a_layer_that_does_not_exist(tmp_path, settings, message):
    with pytest.raises(HarnessError, match=message):
        make(recipe(saved(tmp_path), **settings), tmp_path / "f")


@pytest.mark.parametrize(("settings", "message"), [
    ({"mode": "progressive"}, "mode progressive needs layers_kept"),
    ({"mode": "alternate", "layers": [1]}, "mode alternate does not read layers; leave it out"),
    ({"mode": "single", "layers": [1], "width": 2}, "has no windows; leave width out"),
    ({"mode": "single", "layers": [-1]}, "numbered from 0; found -1"),
    ({"mode": "progressive", "layers_kept": [1], "protocol": "tamkin"}, "unknown protocol 'tamkin'; valid: tamkin_block_preserve"),
])  # fmt: skip
def test_a_recipe_with_a_fault(settings, message):
    with pytest.raises(ValidationError, match=message):
        recipe(Path("x"), **settings)


@pytest.mark.parametrize(("name", "message"), [
    ("albert", r"weights of 1 layer\(s\) for all 4 passes, so none of them can be drawn anew alone"),
    ("mamba", r"layers of MambaForCausalLM cannot be found.*backbone.layers \(2 x MambaBlock\)"),
    ("mixtral", r"mlp.gate.weight \(8, 16\) is no matrix of attention or feed-forward part"),
])  # fmt: skip
def test_an_architecture_whose_layers_cannot_be_drawn_anew(tmp_path, name, message):
    if name == "mixtral":
        torch.manual_seed(0)
        config = transformers.MixtralConfig(**SIZES | {"vocab_size": 60, "num_key_value_heads": 1})
        model: Any = transformers.MixtralForCausalLM(config)
    else:
        model = tiny(name)
    model.save_pretrained(tmp_path / name)
    TABLE["bert"].tokenizer().save_pretrained(tmp_path / name)
    with pytest.raises(HarnessError, match=message):
        make(recipe(tmp_path / name, mode="progressive", layers_kept=[0]), tmp_path / "f")
    assert not list((tmp_path / "f").rglob("harness.json"))


@pytest.mark.parametrize(("protocol", "members"), [
    ("tamkin_progressive", 39), ("tamkin_block_reinit", 100), ("tamkin_block_preserve", 100),
])  # fmt: skip
def test_the_published_protocols(protocol, members):
    given = recipe(Path("google-bert/bert-base-uncased"), protocol=protocol)
    assert len(given.members()) == members
    assert all(len(given.reinitialized(m, 12)) <= 12 for m in given.members())
