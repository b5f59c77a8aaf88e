"""Rescaling changes weights and traces, and nothing that a model says."""

from __future__ import annotations

import json

import pytest
import torch

from harness.checkpoints import load_language_model, resolve
from harness.errors import HarnessError
from harness.evaluator import run
from harness.makers import rescale as maker
from harness.makers.registry import make
from harness.request import Options, from_arguments
from harness.results import Store
from harness.specs.makers import Rescale
from tests.architectures import TABLE
from tests.checkpoints.test_layers import FOUND, tiny


def recipe(start: object, **changes: object) -> Rescale:
    return Rescale.model_validate({"maker": "rescale", "start": str(start), **changes})


@pytest.mark.parametrize("name", FOUND)
def test_powers_of_two_change_weights_but_not_what_is_said(name: str) -> None:
    model, before = tiny(name).float(), tiny(name).float()
    maker.rescale(model, 4.0)
    moved = [
        n for (n, a), b in zip(model.named_parameters(), before.parameters(), strict=True) if not torch.equal(a, b)
    ]
    assert moved and all("att" in n.lower() for n in moved)
    ids = torch.arange(2, 14)[None]
    given = {"input_ids": ids} | ({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})
    with torch.no_grad():
        torch.testing.assert_close(model(**given)[0], before(**given)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_members_say_their_factor_and_the_trace_moves_while_row_normalised_does_not(content, tmp_path) -> None:
    assert make(recipe(content.folder("gpt2")), tmp_path / "f") == ["factor=0.25", "factor=4"]
    one = resolve(str(tmp_path / "f" / "factor=4"))
    assert one.info.made["factor"] == 4 and one.info.made["logits_moved"] < 1e-6
    about = json.loads((tmp_path / "f" / "factor=4" / "harness.json").read_text())
    assert about["parent"] == str(content.folder("gpt2"))
    names = [str(content.folder("gpt2")), str(tmp_path / "f" / "factor=4")]
    run(
        from_arguments(names, ["synthetic/hmm_loss", "synthetic/hmm_fisher"], (1,)), tmp_path / "out", Options(limit=40)
    )
    found: dict[str, list[float]] = {}
    for record in Store(tmp_path / "out").records:
        assert record.error is None
        found.setdefault(record.metric, []).append(record.value)
    assert found["nats_per_token"][0] == pytest.approx(found["nats_per_token"][1], rel=1e-6)
    trace, rows = found["fisher_trace"], found["row_normalised_fisher"]
    assert trace[0] != pytest.approx(trace[1], rel=0.01) and rows[0] == pytest.approx(rows[1], rel=1e-3)


def test_a_pooler_that_language_models_leave_out_is_kept(tmp_path) -> None:
    from safetensors.torch import load_file
    from transformers import BertForPreTraining

    BertForPreTraining(TABLE["bert"].config()).save_pretrained(tmp_path / "start")
    TABLE["bert"].tokenizer().save_pretrained(tmp_path / "start")
    (member,) = make(recipe(tmp_path / "start", factors=[2]), tmp_path / "f")
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("start", f"f/{member}"))
    assert torch.equal(after["bert.pooler.dense.weight"], before["bert.pooler.dense.weight"])


@pytest.mark.parametrize("times", [1.5, float("nan")])
def test_a_model_that_says_something_else_or_nothing_is_not_kept(content, tmp_path, monkeypatch, times) -> None:
    monkeypatch.setattr(maker, "rescale", lambda model, factor: model.lm_head.weight.data.mul_(times))
    with pytest.raises(HarnessError, match="gives other logits"):
        make(recipe(content.folder("gpt2"), factors=[2]), tmp_path / "f")
    assert not (tmp_path / "f/factor=2").exists()
    assert load_language_model(resolve(str(content.folder("gpt2"))), "cpu", "float32")


def test_a_factor_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        recipe("a/b", factors=[0])
