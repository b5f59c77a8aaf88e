from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from pydantic import ValidationError

from harness.checkpoints import resolve
from harness.checkpoints.layers import transformer_of
from harness.errors import HarnessError
from harness.makers import permute as maker
from harness.makers.registry import make
from harness.makers.surgery import load_as_saved
from harness.specs import Permute
from tests.architectures import GPT2, SIZES, TABLE, Architecture
from tests.checkpoints.test_layers import tiny
from tests.hub import seq2seq

MORE = ("llama", "neox", "opt", "qwen3", "gemma2", "roberta", "electra", "bert-body", "mpnet")
ALIKE = ["gpt2", "bert", "deberta-v3", *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]
IDS = torch.arange(6, 18)[None]


def recipe(start: Path, **settings: Any) -> Permute:
    return Permute.model_validate({"maker": "permute", "start": str(start), **settings})


def saved(folder: Path, name: str, layers: int = 4, **settings: Any) -> Path:
    entry: Architecture = TABLE[name]
    sizes = GPT2 | {"n_layer": layers} if name == "gpt2" else SIZES | {"num_hidden_layers": layers}
    return replace(entry, sizes=sizes, settings={**entry.settings, **settings}).save(folder / name)


def outputs(folder: Path) -> torch.Tensor:
    """Logits, or the last states of a body, of a folder loaded through transformers."""
    return said(load_as_saved(resolve(str(folder)))[0])


def said(model: Any) -> torch.Tensor:
    given = {"decoder_input_ids": IDS[:, :5]} if model.config.is_encoder_decoder else {}
    with torch.no_grad():
        found = model.eval()(input_ids=IDS, use_cache=False, **given) if "is_decoder" in model.config else None
        found = found or model(input_ids=IDS, **given)
    return found.logits if hasattr(found, "logits") else found.last_hidden_state


def with_layers_moved(folder: Path, order: list[int]) -> torch.Tensor:
    """What a model says whose layers were moved in its module list, so that every layer keeps all of its own."""
    model, _ = load_as_saved(resolve(str(folder)))
    (modules,) = transformer_of(model).lists.values()
    before = list(modules)
    for place, number in enumerate(order):
        modules[place] = before[number]
    for kinds in (vars(model.config).get("layer_types"),):
        if kinds:
            model.config.layer_types = [kinds[number] for number in order]
    return said(model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_a_member_says_what_a_model_with_moved_layers_says(tmp_path, name):
    start, order = saved(tmp_path, name), [2, 0, 3, 1]
    make(recipe(start, permutations=[order, [0, 1, 2, 3]]), tmp_path / "f")
    moved, same = (outputs(tmp_path / "f" / f"order={knob}") for knob in ("2+0+3+1", "0+1+2+3"))
    torch.testing.assert_close(moved, with_layers_moved(start, order))
    assert torch.equal(same, outputs(start))
    assert not torch.allclose(moved, same, atol=1e-3)


def test_an_order_and_its_inverse_give_the_model_back(tmp_path):
    start = saved(tmp_path, "bert")
    make(recipe(start, permutations=[[2, 0, 3, 1]]), tmp_path / "there")
    make(recipe(tmp_path / "there" / "order=2+0+3+1", permutations=[[1, 3, 0, 2]]), tmp_path / "back")
    first, _ = load_as_saved(resolve(str(start)))
    last, _ = load_as_saved(resolve(str(tmp_path / "back" / "order=1+3+0+2")))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), last.state_dict().values(), strict=True))


def test_local_and_global_attention_move_with_their_layers(tmp_path):
    start = saved(tmp_path, "modernbert", 6, local_attention=4)
    kinds = load_as_saved(resolve(str(start)))[0].config.layer_types
    order = [0, 3, 1, 5, 2, 4]
    make(recipe(start, permutations=[order]), tmp_path / "f")
    make(recipe(start, seeds=[1, 2, 3]), tmp_path / "random")
    member = tmp_path / "f" / "order=0+3+1+5+2+4"
    config = load_as_saved(resolve(str(member)))[0].config
    assert config.layer_types == [kinds[n] for n in order] != kinds
    torch.testing.assert_close(outputs(member), with_layers_moved(start, order))
    about = yaml.safe_load((tmp_path / "random" / "family.yaml").read_text())["members"]
    assert all(told["fixed"] == [0] and told["order"][0] == 0 for told in about.values())
    with pytest.raises(HarnessError, match="layer 0 cannot be moved: its weights are not those that the others have"):
        make(recipe(start, permutations=[[1, 0, 2, 3, 4, 5]]), tmp_path / "g")


@pytest.mark.parametrize("name", ["t5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bart", "marian"))])
def test_layers_keep_their_stack_and_relative_positions_their_place(tmp_path, name):
    start = tmp_path / name
    for part in seq2seq.make(name):
        part.save_pretrained(start)
    make(recipe(start, permutations=[[1, 0, 3, 2]]), tmp_path / "f")
    make(recipe(start, stack="decoder"), tmp_path / "decoder")
    before, both, decoder = (
        load_as_saved(resolve(str(folder)))[0].state_dict()
        for folder in (start, tmp_path / "f" / "order=1+0+3+2", tmp_path / "decoder" / "seed=1")
    )
    other = {".0.": ".1.", ".1.": ".0."}
    for key in before:
        word = next((word for word in other if f"block{word}" in key or f"layers{word}" in key), None)
        moved = key if word is None or "relative_attention" in key else swapped(key, other[word])
        assert torch.equal(both[key], before[moved]), key
        assert torch.equal(decoder[key], before[moved if "decoder" in key else key]), key
    assert not torch.allclose(outputs(tmp_path / "f" / "order=1+0+3+2"), outputs(start), atol=1e-4)
    with pytest.raises(HarnessError, match="puts layer 2, of the decoder, at place 0, in the encoder"):
        make(recipe(start, permutations=[[2, 1, 0, 3]]), tmp_path / "g")


def swapped(key: str, number: str) -> str:
    """A key with the number of its layer, the first in it, replaced."""
    words = key.split(".")
    words[next(n for n, word in enumerate(words) if word.isdigit())] = number.strip(".")
    return ".".join(words)


@pytest.mark.slow
def test_random_orders_depend_on_the_seed_are_recorded_and_never_the_one_that_stood(tmp_path):
    start = saved(tmp_path, "bert")
    given = recipe(start, seeds="1:6:1")
    assert make(given, tmp_path / "f") == [f"seed={seed}" for seed in range(1, 7)]
    make(recipe(start, seeds=[3]), tmp_path / "alone")
    about, alone = (yaml.safe_load((tmp_path / f / "family.yaml").read_text())["members"] for f in ("f", "alone"))
    orders = [told["order"] for told in about.values()]
    assert all(sorted(order) == [0, 1, 2, 3] != order for order in orders) and len({*map(tuple, orders)}) > 3
    assert alone["seed=3"] == about["seed=3"] == {"seed": 3, "order": orders[2], "fixed": []}
    made = resolve(str(tmp_path / "f" / "seed=3")).info.made
    assert made["order"] == orders[2]
    torch.testing.assert_close(outputs(tmp_path / "f" / "seed=3"), with_layers_moved(start, orders[2]))


def test_a_window_moves_no_other_layer(tmp_path):
    start = saved(tmp_path, "gpt2", 5)
    assert make(recipe(start, starts=[0, 2], width=3), tmp_path / "f") == ["start=0/seed=1", "start=2/seed=1"]
    about = yaml.safe_load((tmp_path / "f" / "family.yaml").read_text())["members"]
    orders = [told["order"] for told in about.values()]
    assert orders[0][3:] == [3, 4] and orders[1][:2] == [0, 1] and all(order != [0, 1, 2, 3, 4] for order in orders)


def test_layers_that_depend_on_their_place_are_refused(tmp_path):
    scaled = saved(tmp_path, "gpt2", 2, scale_attn_by_inverse_layer_idx=True)
    with pytest.raises(HarnessError, match="scale_attn_by_inverse_layer_idx"):
        make(recipe(scaled), tmp_path / "f")
    tiny("albert").save_pretrained(tmp_path / "albert")
    TABLE["bert"].tokenizer().save_pretrained(tmp_path / "albert")
    with pytest.raises(HarnessError, match="so they have no order"):
        make(recipe(tmp_path / "albert"), tmp_path / "g")


def test_kinds_told_twice_in_a_config_move_too(tmp_path):
    """GPT-Neo's config says of each layer whether it is local, and how it came to that."""
    kinds = [[["global", "local"], 1]]
    config = transformers.GPTNeoConfig(
        vocab_size=60, hidden_size=16, num_layers=2, num_heads=2, attention_types=kinds, window_size=3,
        max_position_embeddings=48, bos_token_id=0, eos_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    transformers.GPTNeoForCausalLM(config).save_pretrained(tmp_path / "neo")
    TABLE["gpt2"].tokenizer().save_pretrained(tmp_path / "neo")
    make(recipe(tmp_path / "neo"), tmp_path / "f")
    torch.testing.assert_close(outputs(tmp_path / "f" / "seed=1"), with_layers_moved(tmp_path / "neo", [1, 0]))


def test_a_setting_that_would_not_move_with_its_layer_is_named():
    model = TABLE["bert"].model()
    layers = transformer_of(model).layers
    settings = [maker.settings_of(layer) for layer in layers]
    maker.check_settings(model, layers, settings)
    settings[1]["attention.self.scaling"] = 7.0
    with pytest.raises(HarnessError, match=r"layer\.1: attention\.self\.scaling of the layer that moves here is 7\.0"):
        maker.check_settings(model, layers, settings)


@pytest.mark.parametrize(("settings", "message"), [
    ({"permutations": [[1, 0]]}, r"the order \[1, 0\] is of 2 layers; the model has 4"),
    ({"starts": [3], "width": 2}, "window from layer 3 ends with layer 4: the model has 4 layers, 0 to 3"),
])  # fmt: skip
def test_an_order_that_does_not_fit(tmp_path, settings, message):
    with pytest.raises(HarnessError, match=message):
        make(recipe(saved(tmp_path, "bert"), **settings), tmp_path / "f")


@pytest.mark.parametrize(("settings", "message"), [
    ({"permutations": [[0, 0, 1]]}, r"\[0, 0, 1\] is no order of layers; expected each of 0 to 2 once"),
    ({"permutations": [[1, 0]], "seeds": [1]}, "not random; leave seeds out"),
    ({"width": 2}, "width is of windows"),
    ({"starts": [1], "width": 1}, "a window has two layers or more"),
])  # fmt: skip
def test_a_recipe_with_a_fault(settings, message):
    with pytest.raises(ValidationError, match=message):
        recipe(Path("x"), **settings)


def test_the_published_protocol():
    assert recipe(Path("google-bert/bert-base-uncased"), protocol="tamkin").members() == tuple(
        f"seed={n}" for n in range(1, 11)
    )
