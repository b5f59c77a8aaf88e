from __future__ import annotations

import math

import pytest
import torch
import yaml
from pydantic import ValidationError
from torch.nn import functional

from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.adversary import AdversarialLoss, features
from harness.makers.objectives import masked_loss
from harness.specs import Pretrain
from harness.specs.makers.algorithm import Adversary
from tests.makers.test_pretrain import MASKED, hashes


@pytest.fixture
def task(tmp_path) -> str:
    """Twenty rows of two classes."""
    rows = "".join(f'{{"text": "w{n % 7} w{n % 5} w{n % 3}", "label": {n % 2}}}\n' for n in range(20))
    (tmp_path / "rows.jsonl").write_text(rows)
    spec = {
        "description": "d", "kind": "finetune", "data": {"files": ["rows.jsonl"]}, "splits": {"train": "train", "score": "train"},
        "inputs": ["{{ text }}"], "target": "label", "labels": ["even", "odd"], "metrics": ["accuracy"],
    }  # fmt: skip
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(spec))
    return str(tmp_path / "task.yaml")


@pytest.fixture
def setting(content, task, tmp_path) -> tuple:
    model, tokenizer = content.make("bert")
    model.eval()
    spec = Adversary(task=task, weight=0.5, batch_size=8)
    torch.manual_seed(0)
    loss = AdversarialLoss(spec, masked_loss, model, tokenizer, 16, 1, tmp_path, False)
    ids = torch.arange(5, 21).reshape(2, 8)
    return model, loss, {"input_ids": ids, "labels": torch.where(ids % 3 == 0, ids, -100)}


def test_the_halves_are_disjoint_and_hold_every_row(setting):
    _, loss, _ = setting
    fitted, held = (set(half.tolist()) for half in loss.halves)
    assert fitted.isdisjoint(held) and len(fitted | held) == 20


def test_the_gradient_is_that_of_the_text_less_the_weighted_one_of_the_head_as_it_stands(setting):
    model, loss, batch = setting
    loss.most = 10.0
    loss(model, batch).backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    loss.count -= 1
    ids, read, labels = loss.drawn(1, 0, "cpu")
    assert set(labels.tolist()) <= {0, 1}
    theirs = functional.cross_entropy(loss.head(features(model, ids, read)), labels)
    model.zero_grad()
    (masked_loss(model, batch) - 0.5 * theirs).backward()
    for name, p in model.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(found[name], p.grad, atol=1e-6, rtol=1e-4)


def test_a_head_that_knows_less_than_nothing_moves_the_model_no_further(setting):
    model, loss, batch = setting
    with torch.no_grad():
        loss.head.weight.mul_(1000)
    loss.fit = lambda *_: None
    with torch.no_grad():
        both, text = loss(model, batch), masked_loss(model, batch)
    assert float(both) == pytest.approx(float(text) - 0.5 * math.log(2), rel=1e-5)


def test_a_killed_run_goes_on_to_the_same_weights_and_stands_beside_the_usual_one(tmp_path, task, monkeypatch):
    ways = [{"name": "usual"}, {"name": "adversarial", "adversary": {"task": task, "batch_size": 8}}]
    recipe, step = Pretrain.model_validate(MASKED | {"steps": [2, 4], "sizes": ways}), maker.Loop.step
    maker.make(recipe, tmp_path / "whole")

    def killed(self, batch):
        if self.step_number == 3 and isinstance(self.loss, AdversarialLoss):
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe, tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    maker.make(recipe, tmp_path / "killed")
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    assert len(set(hashes(tmp_path / "whole").values())) == 4


def test_what_is_no_task_with_classes_is_refused(content, tmp_path, task):
    model, tokenizer = content.make("bert")
    for name, batch, message in (
        ("glue/stsb", 8, "no fine-tuning task with classes"),
        (task, 16, "less than two batches"),
    ):
        with pytest.raises(HarnessError, match=message):
            AdversarialLoss(
                Adversary(task=name, batch_size=batch), masked_loss, model, tokenizer, 16, 1, tmp_path, False
            )
    with pytest.raises(ValidationError, match="leave one of them out"):
        Pretrain.model_validate(MASKED | {"sam": 0.1, "adversary": {"task": task}})
    with pytest.raises(ValidationError, match="for objective: causal or masked"):
        Pretrain.model_validate(MASKED | {"objective": "span", "adversary": {"task": task}})
