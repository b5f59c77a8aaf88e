from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from harness.checkpoints import load_language_model, resolve
from harness.errors import HarnessError
from harness.makers import models
from harness.makers import pretrain as maker
from harness.makers.objectives import LOSSES
from harness.specs import Pretrain
from tests.makers.test_pretrain import CAUSAL, MASKED, hashes

SMALL = CAUSAL | {"seeds": [1], "steps": [2, 5], "batch_size": 4, "learning_rate": 1e-2}
WAYS = [
    {"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "adam", "betas": [0.8, 0.9]}, {"label_smoothing": 0.2},
    {"sam": 0.05}, {"dropout": 0.3, "sam": 0.05}, {"dropout": 0.0, "batch_size": 2},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "+".join(way))
def test_every_way_of_training_goes_on_after_a_kill_to_the_same_weights(tmp_path, monkeypatch, way):
    recipe, step = Pretrain.model_validate(SMALL | way), maker.Loop.step
    maker.make(recipe, tmp_path / "whole")

    def killed(self, batch):
        if self.step_number == 4:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe, tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    maker.make(recipe, tmp_path / "killed")
    usual = maker.make(Pretrain.model_validate(SMALL), tmp_path / "usual")
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    weights = f"{usual[1]}/model.safetensors"
    assert hashes(tmp_path / "whole")[weights] != hashes(tmp_path / "usual")[weights]


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_smoothing_spreads_a_share_of_the_target_over_the_vocabulary(content, objective):
    model, _ = content.make("gpt2" if objective == "causal" else "bert")
    model.eval()
    ids = torch.arange(5, 15).reshape(2, 5)
    labels = torch.where(torch.arange(5) > 1, ids, -100)
    with torch.no_grad():
        logs = model(input_ids=ids).logits.log_softmax(-1)
        logs, said = (logs[:, 1:-1], labels[:, 2:]) if objective == "causal" else (logs[:, 2:], labels[:, 2:])
        plain, even = -logs.gather(-1, said[..., None]).mean(), -logs.mean()
        found = LOSSES[objective](model, {"input_ids": ids, "labels": labels}, smoothing=0.25)
    assert float(found) == pytest.approx(float(0.75 * plain + 0.25 * even), rel=1e-5)


def test_dropout_is_that_of_the_training_alone(tmp_path):
    (name,) = maker.make(Pretrain.model_validate(MASKED | {"dropout": 0.5}), tmp_path / "f")
    model, _ = load_language_model(resolve(str(tmp_path / "f" / name)), "cpu", "float32")
    assert model.config.hidden_dropout_prob == 0.1
    inside = models.with_dropout(model, 0.5)
    assert {part.p for part in inside.modules() if isinstance(part, torch.nn.Dropout)} == {0.5}
    for ours, theirs in zip(inside.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert inside.get_output_embeddings().weight is inside.get_input_embeddings().weight


def test_dropout_where_a_model_has_none_is_refused(content):
    model, _ = content.make("bert")
    model.config = type("Config", (), {"model_type": "none", "to_dict": lambda self: {}})()
    with pytest.raises(HarnessError, match="has no dropout"):
        models.with_dropout(model, 0.1)


def test_ways_of_training_stand_side_by_side_in_one_family(tmp_path):
    ways = [{"name": "adamw"}, {"name": "sgd", "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 8}]
    recipe = Pretrain.model_validate(SMALL | {"sizes": ways, "steps": [3]})
    assert recipe.training_tokens() == 3 * (4 + 8) * 33
    first, second = maker.make(recipe, tmp_path / "f")
    tokens = [json.loads((tmp_path / "f" / n / "harness.json").read_text())["made"]["tokens"] for n in (first, second)]
    assert (first, tokens) == ("size=adamw/seed=1/step=3", [3 * 4 * 33, 3 * 8 * 33])
    alone = Pretrain.model_validate(SMALL | {"steps": [3]} | {k: v for k, v in ways[1].items() if k != "name"})
    maker.make(alone, tmp_path / "g")
    assert (
        hashes(tmp_path / "g")["seed=1/step=3/model.safetensors"]
        == hashes(tmp_path / "f")[f"{second}/model.safetensors"]
    )


@pytest.mark.parametrize(("changes", "message"), [
    ({"momentum": 0.9}, "momentum is for optimizer: sgd"),
    ({"optimizer": "sgd", "betas": [0.9, 0.99]}, "betas are for optimizer: adamw or adam"),
    ({"sizes": [{"name": "a", "momentum": 0.5}]}, "momentum is for optimizer: sgd"),
    ({"sam": 0.0}, "greater than 0"),
    ({"optimizer": "lion"}, "'adamw', 'adam' or 'sgd'"),
])  # fmt: skip
def test_settings_of_another_optimizer_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Pretrain.model_validate(SMALL | changes)


def test_the_seed_decides_dropout_too(tmp_path):
    recipe = Pretrain.model_validate(SMALL | {"dropout": 0.3, "steps": [2]})
    maker.make(recipe, tmp_path / "a")
    torch.manual_seed(np.random.default_rng().integers(2**31))
    maker.make(recipe, tmp_path / "b")
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
