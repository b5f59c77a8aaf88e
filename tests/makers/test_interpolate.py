from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from harness.checkpoints import resolve
from harness.errors import HarnessError
from harness.makers.interpolate import between
from harness.makers.registry import make
from harness.specs import Interpolate, Prune


def recipe(start, end, **changes) -> Interpolate:
    return Interpolate.model_validate({"maker": "interpolate", "start": str(start), "end": str(end)} | changes)


@pytest.mark.parametrize("method", ["linear", "slerp"])
def test_the_ends_are_reproduced_bit_by_bit_and_the_middle_is_between(content, tmp_path, method):
    start, end = content.folder("gpt2"), content.folder("gpt2-later")
    assert make(recipe(start, end, weights="0.0:1.0:0.5", method=method), tmp_path / "f") == [
        "weight=0.0", "weight=0.5", "weight=1.0",
    ]  # fmt: skip
    a, b = (load_file(folder / "model.safetensors") for folder in (start, end))
    first, middle, last = (load_file(tmp_path / "f" / f"weight={w}" / "model.safetensors") for w in (0.0, 0.5, 1.0))
    assert a.keys() == first.keys() == last.keys() == middle.keys()
    assert all(torch.equal(a[n], first[n]) and torch.equal(b[n], last[n]) for n in a)
    for name in a:
        expected = (a[name] + b[name]) / 2
        if method == "slerp" and a[name].any():
            cosine = torch.nn.functional.cosine_similarity(a[name].flatten(), b[name].flatten(), dim=0)
            expected = expected / torch.sqrt((1 + cosine) / 2)  # sin(o/2) / sin(o) = 1 / (2 cos(o/2))
        torch.testing.assert_close(middle[name], expected, rtol=1e-4, atol=1e-6)


def test_an_arc_between_vectors_of_one_length_keeps_the_length_and_goes_evenly():
    one, other = torch.tensor([2.0, 0.0]), torch.tensor([2 * math.cos(1.2), 2 * math.sin(1.2)])
    for weight in (0.25, 0.5, 0.9):
        found = between(one, other, weight, "slerp")
        torch.testing.assert_close(found, torch.tensor([2 * math.cos(1.2 * weight), 2 * math.sin(1.2 * weight)]))
    torch.testing.assert_close(between(one, 3 * one, 0.5, "slerp"), 2 * one)  # parallel: straight
    assert torch.equal(between(torch.zeros(2), one, 0.5, "slerp"), one / 2)


def test_a_member_says_what_both_ends_have_in_common(content, tmp_path):
    start, end = content.folder("gpt2"), content.folder("gpt2-later")
    make(recipe(start, end, weights=0.5), tmp_path / "f")
    info, one, other = (resolve(str(folder)).info for folder in (tmp_path / "f/weight=0.5", start, end))
    assert info.run == f"{one.run} + {other.run}" and info.made["from"] == [one.identity, other.identity]
    assert recipe(start, end).parents() == (str(start), str(end)) and len(recipe(start, end).members()) == 11


def test_different_models_are_refused_with_what_differs(content, tmp_path):
    with pytest.raises(HarnessError, match=r"differ in their tokenizers, objective \(causal and masked\)"):
        make(recipe(content.folder("gpt2"), content.folder("bert")), tmp_path / "f")
    wider = resized(content, tmp_path / "wider", n_layer=3, layer_norm_epsilon=1e-3)
    with pytest.raises(
        HarnessError, match=r"they differ in layer_norm_epsilon \(1e-05 and 0.001\), n_layer \(2 and 3\)"
    ):
        make(recipe(content.folder("gpt2"), wider), tmp_path / "f")
    assert not list((tmp_path / "f").glob("weight*"))


def test_dropout_is_no_difference(content, tmp_path):
    make(
        recipe(content.folder("gpt2"), resized(content, tmp_path / "other", attn_pdrop=0.3), weights=0.5),
        tmp_path / "f",
    )
    assert resolve(str(tmp_path / "f/weight=0.5")).objective == "causal"


def resized(content, folder, **changes):
    """A GPT-2 of the same tokenizer with other settings."""
    from transformers import GPT2LMHeadModel

    model, tokenizer = content.make("gpt2")
    config = model.config
    for name, value in changes.items():
        setattr(config, name, value)
    torch.manual_seed(5)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("weights", "message"),
    [([0.5, 1.2], "weight 1.2 is out of range"), ([0.5, 0.5], "2 members have the name weight=0.5")],
)
def test_weights_outside_the_way_are_refused(weights, message):
    with pytest.raises(ValidationError, match=message):
        recipe("a/b", "c/d", weights=weights)


def test_masks_that_both_ends_have_are_kept_and_others_are_not(content, tmp_path):
    def pruned(name: str, sparsity: float) -> str:
        given = {"maker": "prune", "start": str(content.folder(name)), "sparsity": [0.0, 0.5]}
        make(Prune.model_validate(given), tmp_path / name)
        return str(tmp_path / name / f"sparsity={sparsity}")

    make(recipe(pruned("gpt2", 0.5), pruned("gpt2-later", 0.5), weights=0.5), tmp_path / "f")
    make(recipe(pruned("gpt2", 0.5), pruned("gpt2-later", 0.0), weights=0.5), tmp_path / "g")
    kept, lost = (resolve(str(tmp_path / name / "weight=0.5")).pruning for name in "fg")
    assert kept["regime"] == "pruned" and lost is None
