from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from harness.checkpoints import load_classifier, load_language_model, resolve
from harness.checkpoints.pruned import zeros_held
from harness.errors import HarnessError
from harness.estimate import estimate
from harness.evaluator import run
from harness.makers.pretrain import make as pretrain
from harness.makers.registry import make
from harness.plan import plan
from harness.request import Options, from_suite
from harness.results import Store
from harness.specs import Pretrain, Prune
from harness.training.loop import Loop
from harness.training.pruning.matrices import matrices_of
from tests.architectures import TABLE

CORPUS = [{"data": {"world": "hmm", "options": {"text_train": 200}}}]
TRAINED = {"recover": 6, "corpus": CORPUS, "batch_size": 4, "length": 16, "learning_rate": 3e-3, "warmup_steps": 1}


def recipe(start: Path | str, **changes: Any) -> Prune:
    sparsity = {} if "n_m" in changes else {"sparsity": [0.5]}
    return Prune.model_validate({"maker": "prune", "start": str(start)} | sparsity | changes)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "harness.json").read_text())


def config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def zeros_of(folder: Path) -> dict[str, torch.Tensor]:
    model, _ = load_language_model(resolve(str(folder)), "cpu", "float32")
    return {name: matrix == 0 for name, matrix in matrices_of(model, embeddings=True).items()}


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("opt", "modernbert", "deberta-v3")]


@pytest.mark.parametrize("name", ["bert", "gpt2", *SLOW])
def test_every_matrix_is_pruned_to_one_weight_and_nothing_else_changes(name, tmp_path):
    start, family = TABLE[name].save(tmp_path / "start"), tmp_path / "family"
    assert make(recipe(start, sparsity="0.0:0.9:0.3"), family) == [f"sparsity={s}" for s in (0.0, 0.3, 0.6, 0.9)]
    whole = weights(start)
    for sparsity in (0.0, 0.3, 0.6, 0.9):
        member = family / f"sparsity={sparsity}"
        found, zeros = weights(member), zeros_of(member)
        assert all(int(z.sum()) == round(sparsity * z.numel()) for z in zeros.values())
        made = facts(member)["made"]
        assert made["masked"] == sum(int(z.sum()) for z in zeros.values())
        assert made["sparsity_reached"] == pytest.approx(sparsity, abs=0.02) and made["matrices"] == len(zeros)
        assert all(torch.equal(found[key][found[key] != 0], whole[key][found[key] != 0]) for key in whole)
        assert facts(member)["run"] == resolve(str(start)).info.run  # not trained: still a run of its start
    assert same(family / "sparsity=0.0", start)


def test_random_ones_are_reproducible_by_seed(content, tmp_path):
    given = recipe(content.folder("bert"), method=["random", "magnitude"], seeds=[1, 2])
    names = make(given, tmp_path / "a")
    assert names == [f"sparsity=0.5/method={m}/seed={s}" for m in ("random", "magnitude") for s in (1, 2)]
    make(given, tmp_path / "b")
    assert all(same(tmp_path / "a" / name, tmp_path / "b" / name) for name in names)
    assert not same(tmp_path / "a" / names[0], tmp_path / "a" / names[1])
    assert same(tmp_path / "a" / names[2], tmp_path / "a" / names[3])  # magnitudes know no seed


def test_the_pooler_of_a_checkpoint_is_pruned_and_kept(tmp_path):
    from transformers import BertForPreTraining

    torch.manual_seed(0)
    BertForPreTraining(TABLE["bert"].config()).save_pretrained(tmp_path / "start")
    TABLE["bert"].tokenizer().save_pretrained(tmp_path / "start")
    make(recipe(tmp_path / "start", recover=2, **{k: v for k, v in TRAINED.items() if k != "recover"}), tmp_path / "f")
    found = weights(tmp_path / "f/sparsity=0.5")["bert.pooler.dense.weight"]
    assert int((found == 0).sum()) == found.numel() // 2
    before = weights(tmp_path / "start")["bert.pooler.dense.weight"]
    assert torch.equal(found[found != 0], before[found != 0])
    model, _ = load_classifier(resolve(str(tmp_path / "f/sparsity=0.5")), 2, 1, "cpu", "float32")
    assert torch.equal(model.bert.pooler.dense.weight, found)


def test_an_encoder_is_pruned_but_cannot_recover(content, tmp_path):
    make(recipe(content.folder("encoder")), tmp_path / "f")
    assert resolve(str(tmp_path / "f/sparsity=0.5")).objective == "encoder"
    with pytest.raises(HarnessError, match="cannot recover: its objective is encoder, expected causal or masked"):
        make(recipe(content.folder("encoder"), **TRAINED), tmp_path / "g")


@pytest.mark.parametrize(("name", "pace"), [("bert", "one_shot"), ("gpt2", "gradual")])
def test_masks_hold_exactly_through_recovery_with_decay_and_momentum(content, tmp_path, name, pace):
    more = {"pace": pace, "ramp": 3, "every": 1} if pace == "gradual" else {}
    make(recipe(content.folder(name), **TRAINED, **more, weight_decay=0.3), tmp_path / "f")
    member = tmp_path / "f/sparsity=0.5"
    zeros = zeros_of(member)
    assert all(int(z.sum()) == round(0.5 * z.numel()) for z in zeros.values())
    start, _ = load_language_model(resolve(str(content.folder(name))), "cpu", "float32")
    moved = {n for n, m in start.named_parameters() if not torch.equal(m, weights(member).get(n, m))}
    assert set(zeros) <= moved
    if pace == "one_shot":  # masks are the start's smallest, whatever training did to the others
        for key, matrix in matrices_of(start, embeddings=True).items():
            edge = matrix.abs().flatten().kthvalue(matrix.numel() // 2).values
            assert torch.equal(zeros[key], matrix.abs() <= edge)
    info = resolve(str(member)).info
    assert info.run != resolve(str(content.folder(name))).info.run and info.step == 6


def test_regimes_share_their_weights_and_are_trained_once(content, tmp_path, monkeypatch):
    steps = []
    step = Loop.step
    monkeypatch.setattr(Loop, "step", lambda self, batch: steps.append(self.step_number) or step(self, batch))
    given = recipe(content.folder("bert"), **TRAINED, regime=["pruned", "information_deletion", "after_downstream"],
                   epochs_before=2, epochs_after=3)  # fmt: skip
    names = make(given, tmp_path / "f")
    held, free, later = (tmp_path / "f" / name for name in names)
    assert steps == list(range(6)) and same(held, free) and same(later, content.folder("bert"))
    assert facts(held)["run"] == facts(free)["run"] != facts(later)["run"]
    assert [facts(one)["made"]["regime"] for one in (held, free, later)] == list(given.regime)
    assert config(held)["harness_pruning"]["regime"] == "pruned" and "harness_pruning" not in config(free)
    assert config(later)["harness_pruning"]["epochs"] == [2, 3] and facts(later)["made"]["masked"] == 0
    assert len({resolve(str(one)).identity for one in (held, free, later)}) == 3
    for lost in held, free:  # whichever stands gives the other its weights
        (lost / "harness.json").unlink()
        make(given, tmp_path / "f")
        assert same(held, free) and config(held)["harness_pruning"]["matrices"]
    assert len(steps) == 6


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.safetensors")
    }


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_a_killed_recovery_goes_on_to_the_same_weights(content, tmp_path, monkeypatch, method):
    from harness.makers import run as runs

    given = recipe(content.folder("bert"), **TRAINED, pace="gradual", ramp=4, every=2, method=method)
    make(given, tmp_path / "whole")
    step = Loop.step

    def killed(self, batch):
        if self.step_number == 3:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(runs, "SECONDS_BETWEEN_STATES", -1.0)
    monkeypatch.setattr(Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        make(given, tmp_path / "killed")
    made = []
    monkeypatch.setattr(Loop, "step", lambda self, batch: made.append(self.step_number) or step(self, batch))
    make(given, tmp_path / "killed")
    assert made == [3, 4, 5] and hashes(tmp_path / "killed") == hashes(tmp_path / "whole")


def test_a_maker_that_trains_on_holds_masks_or_lets_go(content, tmp_path):
    names = make(recipe(content.folder("bert"), regime=["pruned", "information_deletion"]), tmp_path / "f")
    for name, held in zip(names, (True, False), strict=True):
        on = {k: v for k, v in TRAINED.items() if k != "recover"} | {
            "maker": "pretrain", "objective": "masked", "start": str(tmp_path / "f" / name), "steps": [4],
        }  # fmt: skip
        pretrain(Pretrain.model_validate(on), tmp_path / f"on-{held}")
        trained = tmp_path / f"on-{held}" / "seed=1/step=4"
        before, after = zeros_of(tmp_path / "f" / name), zeros_of(trained)
        if held:
            assert all(torch.equal(before[key], after[key]) for key in before)
            assert config(trained)["harness_pruning"] == config(tmp_path / "f" / name)["harness_pruning"]
        else:
            assert sum(int(z.sum()) for z in after.values()) < 0.5 * sum(int(z.sum()) for z in before.values())


def test_a_family_of_another_parent_is_refused(content, tmp_path):
    make(recipe(content.folder("bert")), tmp_path / "f")
    with pytest.raises(HarnessError, match=r"made with other settings \(start\)"):
        make(recipe(content.folder("gpt2")), tmp_path / "f")


@pytest.mark.parametrize(("changes", "message"), [
    ({"sparsity": [0.5, 1.2]}, "sparsity 1.2 is out of range; expected shares of the weights, 0 to less than 1"),
    ({"sparsity": -0.1}, "sparsity -0.1 is out of range"),
    ({"sparsity": [0.5, 0.5]}, "2 members have the name sparsity=0.5; expected a name for each"),
    ({"recover": 20}, "recover: 20 needs text to train on; give a corpus, or a protocol that has one"),
    ({"structure": "n:m"}, "structure: n:m and n_m: .* go together"),
    ({"structure": "n:m", "n_m": "2:4", "sparsity": 0.5}, "give sparsity, or with structure: n:m only n_m"),
    ({"structure": "n:m", "n_m": "4:4"}, "n_m: 4:4 prunes nothing or everything"),
    ({"pace": "gradual"}, "pace: gradual is a course of training; give recover: steps"),
    (TRAINED | {"pace": "gradual", "ramp": 6}, "ramp: 6 is 6 steps; expected fewer than recover: 6"),
])  # fmt: skip
def test_a_recipe_that_cannot_work_is_one_message(changes, message):
    with pytest.raises(ValidationError, match=message):
        recipe("a/b", **changes)


@pytest.mark.parametrize(("given", "reached"), [
    ({"structure": "heads"}, 0.5), ({"structure": "layers", "layers": "top"}, 0.5),
    ({"structure": "n:m", "n_m": ["2:4", "4:8"]}, 0.5),
])  # fmt: skip
def test_structures_recover_under_masks_and_are_held_in_fine_tuning(content, tmp_path, given, reached):
    names = make(recipe(content.folder("bert"), **TRAINED, **given), tmp_path / "f")
    assert names == (["sparsity=0.5"] if "n_m" not in given else ["sparsity=0.5/n_m=2of4", "sparsity=0.5/n_m=4of8"])
    member = tmp_path / "f" / names[0]
    made = facts(member)["made"]
    assert made["sparsity_reached"] == reached
    assert len({facts(tmp_path / "f" / name)["run"] for name in names}) == len(names)
    zeros = sum(int(z.sum()) for z in zeros_of(member).values())
    assert zeros == made["masked"] and made["masked"] == pytest.approx(0.5 * made["weights"], rel=0.02)
    model, _ = load_classifier(resolve(str(member)), 2, 1, "cpu", "float32")
    assert sum(int(held.sum()) for held in zeros_held(model).values()) == zeros


def test_tokens_are_counted_once_for_members_of_the_same_weights():
    given = recipe("a/b", **TRAINED, sparsity="0.1:0.3:0.1", seeds=[1, 2],
                   regime=["pruned", "information_deletion", "after_downstream"])  # fmt: skip
    assert given.training_tokens() == 3 * 2 * 6 * 4 * 16 and len(given.members()) == 18
    assert given.ramp_steps == 0 and recipe("a/b", **TRAINED, pace="gradual", ramp=0.5).ramp_steps == 3
    assert given.settings(given.members()[1]) == {"sparsity": 0.1, "regime": "pruned", "seed": 2}


def test_the_paper_s_protocol_is_a_recipe_whose_fields_may_be_replaced():
    given = Prune.model_validate(
        {"maker": "prune", "start": "a/b", "protocol": "compressing_bert", "recover": 200, "ramp": 0.1}
    )
    assert given.sparsity == tuple(n / 10 for n in range(10)) and (given.learning_rate, given.batch_size) == (2e-5, 32)
    assert (given.recover, given.ramp_steps, len(given.corpus), given.regime) == (200, 20, 2, ("pruned",))
    assert recipe("a/b", protocol="compressing_bert").ramp_steps == 10_000


HMM = "batch_size: 4, length: 16, corpus: [{data: {world: hmm, options: {text_train: 200}}}]"
SUITE = """title: pruned
families:
  causal: {make: {maker: pretrain, objective: causal, start: START, steps: [2], HMM}}
  pruned: {make: {maker: prune, start: causal/seed=1/step=2, sparsity: [0.0, 0.9], recover: 3, HMM}}
  rounded: {make: {maker: quantize, start: causal/seed=1/step=2, bits: 2}}
  between: {make: {maker: interpolate, start: causal/seed=1/step=2, end: START, weights: [0.0, 0.5]}}
tasks:
  upstream: [{name: own/loss, include: synthetic/hmm_loss, text: {first: 20}}]
""".replace("HMM", HMM)


@pytest.mark.slow
def test_a_suite_plans_and_makes_families_of_a_family_that_it_makes(content, tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE.replace("START", str(content.folder("gpt2"))))
    request = from_suite(tmp_path)
    with Store.writing(tmp_path) as writer:
        planned = plan(request, Options(), tmp_path, writer.store)
        assert estimate(request, Options(), tmp_path, writer.store, planned).make_seconds > 0
    assert len(planned) == 6 and {cell.state for cell in planned} == {"after making"}
    assert not run(request, tmp_path, Options()).failed
    losses = {r.checkpoint: r.value for r in Store(tmp_path).records if r.metric == "nats_per_token"}
    start, same = (
        resolve(str(tmp_path / "families" / name)).identity for name in ("causal/seed=1/step=2", "between/weight=0.0")
    )
    assert start == same and len(losses) == 5
    parents = {info.parent for info in Store(tmp_path).checkpoints.values()}
    assert parents >= {"causal/seed=1/step=2"}  # as the suite names it, not where it lies
