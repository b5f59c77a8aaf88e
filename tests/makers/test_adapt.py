from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness.checkpoints import resolve
from harness.errors import HarnessError
from harness.makers import adapt as maker
from harness.makers import pretrain
from harness.makers.pair_batches import PairBatches, mixed
from harness.makers.registry import plan
from harness.specs import Adapt, Pretrain
from tests.makers.test_pretrain import CAUSAL, hashes
from tests.makers.test_translation import ENGLISH, MARIAN, WORDS, of_lengths


def rows(folder: Path, name: str, translate) -> None:
    sentences = [(a, b) for a in WORDS for b in WORDS]
    told = [json.dumps({"de": " ".join(s), "en": " ".join(translate(word) for word in s)}) for s in sentences]
    (folder / f"{name}.jsonl").write_text("\n".join(told) + "\n")


def pairs(name: str) -> dict:
    return {"pairs": [{"data": {"files": [f"{name}.jsonl"]}, "source": "{{ de }}", "target": "{{ en }}"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A general translator; in one domain words stay as they are, in another they are said backwards."""
    folder = tmp_path_factory.mktemp("adapt")
    for name, translate in (("general", ENGLISH.get), ("copied", str), ("reversed", lambda word: word[::-1])):
        rows(folder, name, translate)
    base = Pretrain.model_validate({
        "maker": "pretrain", "objective": "translation", "architecture": MARIAN, "length": 16, "batch_tokens": 128, "steps": [1],
        "tokenizer": {"kind": "sentencepiece", "vocabulary": 60}, **pairs("general"),
    })  # fmt: skip
    pretrain.make(base, folder / "base", spec_folder=folder)
    return folder


def recipe(**changes) -> Adapt:
    usual = {
        "maker": "adapt", "start": "base/seed=1/step=1", "domains": {"copied": pairs("copied")}, "length": 16,
        "batch_tokens": 128, "steps": [1, 2, 4], "learning_rate": 3e-3, "dropout": 0.1,
    }  # fmt: skip
    return Adapt.model_validate(usual | changes)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_domains_steps_and_averages_are_members_and_a_killed_run_goes_on(folder, tmp_path, monkeypatch):
    made = recipe(
        domains={name: pairs(name) for name in ("copied", "reversed")},
        average=[2, 3],
        start=str(folder / "base/seed=1/step=1"),
    )
    names = maker.make(made, tmp_path / "f", spec_folder=folder)
    assert names[:5] == [
        f"domain=copied/seed=1/{knob}" for knob in ("step=1", "step=2", "step=4", "average=2", "average=3")
    ]
    assert names == list(made.members()) and len(names) == 10
    assert made.settings(names[-1]) == {"domain": "reversed", "seed": 1, "average": 3}
    base, of_steps = tmp_path / "f" / "domain=copied" / "seed=1", {}
    for step in made.steps:
        of_steps[step] = weights(base / f"step={step}")
    mean = weights(base / "average=2")
    for name, values in mean.items():
        torch.testing.assert_close(values, (of_steps[2][name] + of_steps[4][name]) / 2, rtol=1e-6, atol=1e-8)
    told = json.loads((base / "average=2" / "harness.json").read_text())
    assert told["made"]["mean_of"] == [f"domain=copied/seed=1/step={step}" for step in (2, 4)]
    runs = {name: resolve(str(tmp_path / "f" / name)).info.run for name in names}
    assert len(set(runs.values())) == 2 and runs[names[0]] == runs[names[4]] != runs[names[5]]
    assert resolve(str(base / "step=2")).info.parent == made.start

    step = pretrain.Loop.step

    def killed(self, batch):
        if self.step_number == 3:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(pretrain.Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        maker.make(made, tmp_path / "g", spec_folder=folder)
    monkeypatch.setattr(pretrain.Loop, "step", step)
    maker.make(made, tmp_path / "g", spec_folder=folder)
    assert hashes(tmp_path / "g") == hashes(tmp_path / "f")


def test_a_member_of_a_family_beside_it_is_adapted_and_the_plan_counts_its_training(folder):
    made = recipe(seeds=[1, 2], domains={name: pairs(name) for name in ("copied", "reversed")}, steps=[2])
    assert made.training_tokens() == 4 * 2 * 128
    expected = plan(made, folder / "planned")
    stored = sum(values.numel() for values in weights(folder / "base/seed=1/step=1").values())
    assert expected.tokens == 4 * 2 * 128 and expected.parameters == stored
    maker.make(made, folder / "beside", spec_folder=folder)
    about = (folder / "beside" / "family.yaml").read_text()
    assert "copied:\n    trained_on: 16\n    left_out: 0" in about and "base/seed=1/step=1: weights:" in about


def test_mixed_pairs_are_drawn_in_the_share_asked_for():
    own = of_lengths(*[(3, 3)] * 30, parts=(np.arange(10), np.arange(10, 30)), weights=(4.0, 1.0))
    both = mixed(own, of_lengths(*[(3, 3)] * 500), 0.25)
    met = np.concatenate(list(PairBatches(both, 60, 1).of_steps(0, 400)))
    for chosen, share in ((met < 10, 0.6), ((met >= 10) & (met < 30), 0.15), (met >= 30, 0.25)):
        assert chosen.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / len(met)) ** 0.5)


def test_a_general_share_of_the_training_is_drawn_from_general_data(folder, monkeypatch):
    made = recipe(general=pairs("general"), general_share=0.4, steps=[1])
    drawn = []
    monkeypatch.setattr(maker, "train_run", lambda material, run: drawn.append(material.pairs))
    maker.make(made, folder / "mixed", spec_folder=folder)
    assert [len(part) for part in drawn[0].parts] == [16, 16] and drawn[0].weights == (0.6, 0.4)
    assert drawn[0].sources[:16] == drawn[0].sources[16:] and drawn[0].targets[:16] != drawn[0].targets[16:]


def test_a_language_model_is_adapted_on_text(tmp_path):
    pretrain.make(Pretrain.model_validate(CAUSAL | {"seeds": [1], "steps": [1]}), tmp_path / "base")
    text = {"corpus": [{"data": {"world": "hmm", "options": {"text_train": 300, "seed": 5}}}]}
    fields = {k: v for k, v in CAUSAL.items() if k not in ("architecture", "tokenizer", "corpus", "seeds")}
    other = {"corpus": [{"data": {"world": "hmm", "options": {"text_train": 200}}}]}
    made = Adapt.model_validate(
        fields | {"maker": "adapt", "start": "base/seed=1/step=1", "domains": {"other": text}, "steps": [0, 2],
                  "general": other, "general_share": 0.5}
    )  # fmt: skip
    names = maker.make(made, tmp_path / "f")
    assert names == ["domain=other/seed=1/step=0", "domain=other/seed=1/step=2"]
    found = hashes(tmp_path / "f")
    assert found[f"{names[0]}/model.safetensors"] in hashes(tmp_path / "base").values()
    assert len(set(found.values())) == 2 and resolve(str(tmp_path / "f" / names[1])).objective == "causal"
    with pytest.raises(HarnessError, match="is causal, and objective: masked trains a masked model"):
        maker.make(made.model_copy(update={"objective": "masked"}), tmp_path / "g")


@pytest.mark.parametrize(("changes", "message"), [
    ({"domains": {}}, "at least 1 item"),
    ({"domains": {"a/b": pairs("copied")}}, "should match pattern"),
    ({"objective": "causal"}, "copied: objective: causal learns from corpus"),
    ({"general_share": 0.5}, "general and general_share"),
    ({"steps": [4, 2]}, "steps must rise"),
    ({"average": [4]}, "expected 2 to 3, the steps kept"),
    ({"corpus": [{"data": {"world": "hmm"}}]}, "stands under domains"),
])  # fmt: skip
def test_a_recipe_that_says_two_things_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)
