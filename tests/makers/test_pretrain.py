from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from harness.checkpoints import load_language_model, resolve
from harness.errors import HarnessError
from harness.makers import pretrain as maker
from harness.specs import Pretrain

CAUSAL = {
    "maker": "pretrain", "objective": "causal",
    "architecture": {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 1, "n_positions": 64},
    "tokenizer": {"kind": "word", "vocabulary": 128}, "corpus": [{"data": {"world": "hmm", "options": {"text_train": 200}}}],
    "seeds": [1, 2], "steps": [0, 3, 6], "learning_rate": 3e-3, "batch_size": 8, "length": 33,
}  # fmt: skip
MASKED = CAUSAL | {
    "objective": "masked", "seeds": [1], "steps": [4],
    "architecture": {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
                     "intermediate_size": 16, "max_position_embeddings": 64},
}  # fmt: skip


def recipe(**changes) -> Pretrain:
    return Pretrain.model_validate(CAUSAL | changes)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*.safetensors"))
    }


def test_the_same_seed_gives_the_same_weights_and_seeds_differ(tmp_path):
    first, again = tmp_path / "a", tmp_path / "b"
    names = maker.make(recipe(), first)
    maker.make(recipe(), again)
    assert names == [f"seed={s}/step={t}" for s in (1, 2) for t in (0, 3, 6)]
    found = hashes(first)
    assert found == hashes(again) and len(set(found.values())) == 6


def test_a_run_killed_in_the_middle_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    maker.make(recipe(seeds=[1]), tmp_path / "whole")
    step = maker.Loop.step

    def killed(self, batch):
        if self.step_number == 5:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(maker.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(recipe(seeds=[1]), tmp_path / "killed")
    monkeypatch.setattr(maker.Loop, "step", step)
    steps_made = []
    monkeypatch.setattr(
        maker.Loop, "step", lambda self, batch: steps_made.append(self.step_number) or step(self, batch)
    )
    maker.make(recipe(seeds=[1]), tmp_path / "killed")
    assert steps_made == [3, 4, 5]
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    maker.make(recipe(seeds=[1]), tmp_path / "killed")
    assert steps_made == [3, 4, 5]


def test_a_member_is_a_checkpoint_that_knows_its_run_and_step(tmp_path):
    maker.make(recipe(), tmp_path / "f")
    one, two = (resolve(str(tmp_path / "f" / f"seed={seed}" / "step=3")) for seed in (1, 2))
    assert (one.objective, one.info.step, one.info.training_seed) == ("causal", 3, 1)
    assert one.info.run != two.info.run and one.info.corpus == two.info.corpus and one.tokenizer == two.tokenizer
    model, tokenizer = load_language_model(one, "cpu", "float32")
    assert model.config.vocab_size == len(tokenizer)
    assert not list((tmp_path / "f").rglob("training.state"))


def test_a_masked_model_from_scratch_and_one_that_goes_on(tmp_path):
    maker.make(Pretrain.model_validate(MASKED), tmp_path / "first")
    start = str(tmp_path / "first" / "seed=1" / "step=4")
    went_on = {k: v for k, v in MASKED.items() if k not in ("architecture", "tokenizer")} | {
        "start": start,
        "steps": [0, 2],
    }
    maker.make(Pretrain.model_validate(went_on), tmp_path / "second")
    found, parent = hashes(tmp_path / "second"), hashes(tmp_path / "first")
    assert found["seed=1/step=0/model.safetensors"] in parent.values()
    assert found["seed=1/step=2/model.safetensors"] not in parent.values()
    assert resolve(str(tmp_path / "second" / "seed=1" / "step=2")).objective == "masked"
    assert json.loads((tmp_path / "second/seed=1/step=2/harness.json").read_text())["parent"] == start


def test_a_folder_made_otherwise_is_refused(tmp_path):
    maker.make(recipe(seeds=[1], steps=[1]), tmp_path / "f")
    with pytest.raises(HarnessError, match=r"made with other settings \(learning_rate\)"):
        maker.make(recipe(seeds=[1], steps=[1], learning_rate=1e-4), tmp_path / "f")


@pytest.mark.parametrize(("changes", "message"), [
    ({"architecture": {"model_type": "gpt5000"}}, "architecture"),
    ({"batch_size": 4096}, "less than one batch"),
    ({"corpus": [{"data": {"world": "hmm", "options": {"text_trian": 1}}}]}, "did you mean 'text_train'"),
])  # fmt: skip
def test_a_recipe_that_cannot_work_is_one_message(tmp_path, changes, message):
    with pytest.raises(HarnessError, match=message):
        maker.make(recipe(**changes), tmp_path / "f")
