from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from pydantic import ValidationError
from statsmodels.stats.weightstats import ttost_paired

from harness.checkpoints import resolve
from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.makers.equal_loss import equal_loss
from harness.makers.held_out import Found
from harness.request import Options
from harness.specs import Pretrain
from tests.makers.test_pretrain import CAUSAL, MASKED, hashes

HELD_OUT = {"every": 5, "data": {"world": "hmm", "options": {"text_train": 200}}, "split": "validation",
            "text": {"first": 40}}  # fmt: skip
TO_TARGET = CAUSAL | {
    "steps": [200], "seeds": [1, 2], "batch_size": 8, "learning_rate": 1e-2, "evaluate": HELD_OUT, "target_loss": 4.1,
    "equal_within": 0.5,
}  # fmt: skip


def told(folder, member) -> dict:
    return json.loads((folder / member / "harness.json").read_text())


def test_a_run_ends_at_the_first_evaluation_at_or_below_the_target(tmp_path):
    recipe = Pretrain.model_validate(TO_TARGET | {"continue_steps": [0, 7]})
    names = maker.make(recipe, tmp_path / "f")
    assert names == ["seed=1/past=0", "seed=1/past=7", "seed=2/past=0", "seed=2/past=7"]
    for seed in (1, 2):
        at, past = (told(tmp_path / "f", f"seed={seed}/past={n}") for n in (0, 7))
        assert at["step"] % 5 == 0 and past["step"] == at["step"] + 7
        assert at["made"]["held_out"]["loss"] <= 4.1 and at["made"]["held_out"]["documents"] == 40
        earlier = Pretrain.model_validate(
            {k: v for k, v in TO_TARGET.items() if k not in ("target_loss", "equal_within")}
            | {"seeds": [seed], "steps": [at["step"] - 5, at["step"]]}
        )
        before, same = maker.make(earlier, tmp_path / f"plain{seed}")
        assert told(tmp_path / f"plain{seed}", before)["made"]["held_out"]["loss"] > 4.1
        assert told(tmp_path / f"plain{seed}", same)["made"]["held_out"] == at["made"]["held_out"]
        one = hashes(tmp_path / f"plain{seed}" / same)["model.safetensors"]
        assert one == hashes(tmp_path / "f" / f"seed={seed}" / "past=0")["model.safetensors"]
    table = yaml.safe_load((tmp_path / "f" / "family.yaml").read_text())["equal_loss"]
    assert len(table["pairs"]) == 6 and table["pairs"][1]["members"] == ["seed=1/past=0", "seed=2/past=0"]
    losses = [told(tmp_path / "f", f"seed={seed}/past=0")["made"]["held_out"]["loss"] for seed in (1, 2)]
    assert table["pairs"][1]["difference"] == pytest.approx(losses[0] - losses[1])


def test_the_loss_told_is_the_one_that_a_task_measures(tmp_path):
    from harness.measures.lm_loss import measure
    from harness.measures.session import RowCache, Session
    from harness.specs import LmLossTask

    for name, base in (("causal", TO_TARGET), ("masked", MASKED)):
        recipe = base | {"steps": [3], "seeds": [1], "evaluate": HELD_OUT, "length": 64}
        recipe = {k: v for k, v in recipe.items() if k not in ("target_loss", "equal_within")}
        (member,) = maker.make(Pretrain.model_validate(recipe), tmp_path / name)
        task = LmLossTask.model_validate({
            "name": "held out", "description": "d", "kind": "lm_loss", "data": HELD_OUT["data"],
            "splits": {"score": "validation"}, "text": {"first": 40}, "loss": {"window": 64},
        })  # fmt: skip
        session = Session(
            checkpoint=resolve(str(tmp_path / name / member)), data=RowCache(Options().offline, None), device="cpu",
            dtype="float32", stage=lambda *_: [], cell=lambda *_: {}, token_budget=4096,
        )  # fmt: skip
        found = measure(session, task, None).values[0]
        said = told(tmp_path / name, member)["made"]["held_out"]
        assert (found.value, found.stderr, found.n) == pytest.approx((said["loss"], said["stderr"], said["tokens"]))


@pytest.mark.parametrize("at", ["before", "past"])
def test_a_run_killed_before_or_past_its_target_goes_on_to_the_same_weights(tmp_path, monkeypatch, at):
    recipe, step = Pretrain.model_validate(TO_TARGET | {"seeds": [1], "continue_steps": [0, 4, 8]}), maker.Loop.step
    maker.make(recipe, tmp_path / "whole")
    met = told(tmp_path / "whole", "seed=1/past=0")["step"]
    stop = met - 2 if at == "before" else met + 6

    def killed(self, batch):
        if self.step_number == stop:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe, tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    maker.make(recipe, tmp_path / "killed")
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")


def test_a_target_out_of_reach_says_how_far_it_was(tmp_path):
    with pytest.raises(HarnessError, match=r"the loss is \d\.\d{4} nats per token after 4 steps, above target_loss: 1"):
        maker.make(Pretrain.model_validate(TO_TARGET | {"steps": [4], "target_loss": 1.0}), tmp_path / "f")


def test_losses_that_are_gone_are_one_message(tmp_path):
    with pytest.raises(HarnessError, match=r"a.json is gone, .* remove that member's folder to make both anew"):
        Found.load(tmp_path / "a.json")


def test_members_are_not_compared_on_a_single_document(tmp_path):
    one = TO_TARGET | {"evaluate": HELD_OUT | {"text": {"documents": "file"}}}
    with pytest.raises(HarnessError, match="the text has 1 document to compare members on; expected at least 2"):
        maker.make(Pretrain.model_validate(one), tmp_path / "f")


@pytest.mark.parametrize(("changes", "message"), [
    ({"evaluate": None}, "target_loss is a loss on held-out text"),
    ({"steps": [5, 10]}, "one number of steps"),
    ({"schedule": "cosine"}, "needs schedule: constant"),
    ({"continue_steps": [5, 0]}, "continue_steps must rise"),
    ({"target_loss": None, "continue_steps": [0, 5]}, "counted from target_loss"),
])  # fmt: skip
def test_a_target_that_cannot_be_met_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Pretrain.model_validate(TO_TARGET | changes)


@pytest.mark.parametrize(("shift", "margin"), [(0.0, 0.02), (0.015, 0.02), (0.05, 0.02), (0.015, 0.05)])
def test_two_one_sided_tests_are_those_of_statsmodels(shift, margin):
    random = np.random.default_rng(3)
    each, tokens = random.normal(3, 0.5, 30), np.full(30, 50)
    other = each + shift + random.normal(0, 0.01, 30)
    table = equal_loss({"a": Found(other * 50, tokens), "b": Found(each * 50, tokens)}, margin)
    p, *_ = ttost_paired(other, each, -margin, margin)
    (pair,) = table["pairs"]
    assert pair["equivalent"] == table["all_equivalent"] == (p < 0.05)
    assert pair["difference"] == pytest.approx(float((other - each).mean()))
    assert pair["low"] < pair["difference"] < pair["high"]


def test_members_measured_on_other_tokens_are_not_compared():
    one, other = Found(np.ones(3), np.array([4, 4, 4])), Found(np.ones(3), np.array([4, 4, 5]))
    with pytest.raises(HarnessError, match="same held-out tokens"):
        equal_loss({"a": one, "b": other}, 0.1)
