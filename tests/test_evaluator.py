from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness import TransferCallback, evaluate
from harness.evaluator import Evaluation, run
from harness.measures import labelled, lm_loss
from harness.plan import plan
from harness.request import Options, from_arguments, from_suite, roles_of
from harness.results import Store

SUITE = """title: small
families:
  small:
    make:
      maker: pretrain
      objective: causal
      architecture: {model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 1, n_positions: 64}
      tokenizer: {kind: word, vocabulary: 128}
      corpus: [{data: {world: hmm}}]
      seeds: [1, 2]
      steps: [2, 8]
      learning_rate: 3e-3
      batch_size: 8
      length: 33
tasks:
  upstream: [{name: own/loss, include: synthetic/hmm_loss, text: {first: 40}}]
  flatness: [{name: own/fisher, include: synthetic/hmm_fisher, text: {first: 40}}]
  downstream:
    - {name: own/state, include: synthetic/hmm_state, protocol: {epochs: 1, train_rows: 64, learning_rates: [1e-3]}}
seeds: [1, 2]
"""
CELLS = 4 * (1 + 1 + 2)


@pytest.fixture
def suite(tmp_path) -> Path:
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def lines(folder: Path) -> dict[str, tuple]:
    """What was measured, times apart."""
    return {f"{r.key}/{r.metric}": (r.value, r.stderr, r.n, r.error) for r in Store(folder).records}


def test_a_suite_makes_measures_and_finds_everything_done_the_second_time(suite, monkeypatch):
    first = run(from_suite(suite), suite, Options())
    assert (first.measured, first.already, first.failed) == (CELLS, 0, [])
    before = lines(suite)
    monkeypatch.setattr("harness.checkpoints.load.load_weights", None)
    second = run(from_suite(suite), suite, Options())
    assert (second.measured, second.already) == (0, CELLS) and lines(suite) == before
    store = Store(suite)
    monkeypatch.setattr("harness.data.rows._table", None)  # planning loads no data whose fingerprint the store knows
    assert {p.state for p in plan(from_suite(suite), Options(), suite, store)} == {"done"}
    assert {info.run for info in store.checkpoints.values()} and len({i.run for i in store.checkpoints.values()}) == 2
    assert len(list((suite / "examples").glob("*.parquet"))) == 1


CHAIN = """families:
  larger: {make: {maker: enlarge, start: small/seed=1/step=2, hidden_size: 32}}
  small:
    make:
      maker: pretrain
      objective: causal
      architecture: {model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 1, n_positions: 64}
      tokenizer: {kind: word, vocabulary: 128}
      corpus: [{data: {world: hmm, options: {text_train: 200}}}]
      steps: [2]
      batch_size: 8
      length: 33
tasks:
  upstream: [{name: own/loss, include: synthetic/hmm_loss, text: {first: 40}}]
"""


def test_a_family_is_made_from_a_member_of_another_of_the_same_suite(tmp_path):
    (tmp_path / "suite.yaml").write_text(CHAIN)
    assert {cell.state for cell in plan(from_suite(tmp_path), Options(), tmp_path, Store(tmp_path))} == {"after making"}
    outcome = run(from_suite(tmp_path), tmp_path, Options())
    assert (outcome.measured, outcome.failed) == (2, [])
    infos = {info.names[0]: info for info in Store(tmp_path).checkpoints.values()}
    parent, larger = infos["small/seed=1/step=2"], infos["larger/enlarged"]
    assert larger.parent == "small/seed=1/step=2" and larger.run == parent.run
    about = yaml.safe_load((tmp_path / "families/larger/family.yaml").read_text())
    assert about["from"] == {"small/seed=1/step=2": parent.identity}
    losses = [r.value for r in Store(tmp_path).records if r.metric == "nats_per_token"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert run(from_suite(tmp_path), tmp_path, Options()).already == 2


def measure(folder: Path) -> None:
    run(from_suite(folder), folder, Options())


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_records(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/suite.yaml").write_text(SUITE)
    measure(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/suite.yaml").write_text(SUITE)
    killed = 0
    for records in (1, 5, 9):
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(tmp_path / "b",))
        process.start()
        results = tmp_path / "b/results.jsonl"
        while process.is_alive() and not (results.exists() and results.read_bytes().count(b"\n") >= records):
            time.sleep(0.01)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.join()
    measure(tmp_path / "b")
    assert killed and lines(tmp_path / "b") == lines(tmp_path / "a")


def test_one_checkpoint_that_cannot_be_had_does_not_stop_the_others(hub, tmp_path):
    request = from_arguments(
        ["tests/tiny-gpt2@step1", "tests/no-such", "tests/tiny-gpt2@step9"], ["lm_loss/wiki"], (1,)
    )
    outcome = run(request, tmp_path, Options())
    assert outcome.measured == 1 and len(outcome.failed) == 2
    errors = sorted(r.error for r in outcome.failed)
    assert "no-such" in errors[0] + errors[1] and "step9" in errors[0] + errors[1]
    again = run(request, tmp_path, Options())
    assert again.already == 1 and len(again.failed) == 2
    assert len(Store(tmp_path).failures) == 2


def test_a_failure_is_tried_again_and_forgotten_when_it_is_mended(hub, waits, tmp_path):
    request = from_arguments(["tests/tiny-gpt2@step1"], ["lm_loss/wiki"], (1,))
    hub.misbehaviour.fail_every = 1
    failed = run(request, tmp_path, Options())
    hub.misbehaviour.fail_every = 0
    assert len(failed.failed) == 1
    assert run(request, tmp_path, Options()).measured == 1
    assert [r.error for r in Store(tmp_path).records] == [None, None]


def test_a_limit_marks_records_and_has_keys_of_its_own(hub, tmp_path):
    request = from_arguments(["tests/tiny-gpt2@step1"], ["lm_loss/wiki"], (1,))
    run(request, tmp_path, Options(limit=20))
    run(request, tmp_path, Options())
    records = [r for r in Store(tmp_path).records if r.metric == "nats_per_token"]
    assert len({r.key for r in records}) == 2
    assert "limited to 20 rows" in records[0].partial and "limited" not in (records[1].partial or "")


def test_steps_named_one_by_one_or_by_pattern_are_one_family(hub, tmp_path):
    by_pattern = from_arguments(["tests/tiny-gpt2@step{1,2}"], ["lm_loss/wiki"], (1,))
    one_by_one = from_arguments(["tests/tiny-gpt2@step1", "tests/tiny-gpt2@step2"], ["lm_loss/wiki"], (1,))
    assert (
        by_pattern.families
        == one_by_one.families
        == {"tests/tiny-gpt2": ("tests/tiny-gpt2@step1", "tests/tiny-gpt2@step2")}
    )
    run(by_pattern, tmp_path, Options())
    infos = Store(tmp_path).checkpoints.values()
    assert {i.run for i in infos} == {"tests/tiny-gpt2"} and {i.step for i in infos} == {1, 2}


def test_runs_into_one_folder_add_up_in_its_suite(hub, tmp_path):
    for checkpoint, task in (("tests/tiny-gpt2@step1", "lm_loss/wiki"), ("tests/tiny-gpt2@step2", "flatness/fisher")):
        from_request = from_arguments([checkpoint], [task], (1,))
        run(from_request, tmp_path, Options(limit=40))
    roles = roles_of(tmp_path)
    assert roles.upstream == ("lm_loss/wiki",) and roles.flatness == ("flatness/fisher",)
    assert roles.families == {"tests/tiny-gpt2": ("tests/tiny-gpt2@step1", "tests/tiny-gpt2@step2")}


def test_no_record_holds_text_and_no_record_holds_a_token(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_tests")
    evaluate("tests/tiny-gpt2@step1", "lm_loss/wiki", output=tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"hf_secret_of_tests" not in content and b"= \n" not in content


def test_signature_parts_are_kept_so_that_two_keys_can_be_explained(hub, tmp_path):
    evaluate("tests/tiny-gpt2@step1", "lm_loss/wiki", output=tmp_path)
    (context,) = Store(tmp_path).contexts.values()
    parts = context["parts"]
    assert parts["policy"] == {"window": 64, "stride": 64, "bos": "auto"} and parts["objective"] == "causal"
    assert parts["data"]["revision"] == "b08601e04326c79dfdd32d625aee71d232d685c3" and len(parts["data"]["score"]) == 64
    assert parts["measured_by"] == "lm_loss/1" and {"torch", "transformers"} <= set(context["versions"])


def test_a_trainer_draws_its_own_line(content, hub, tmp_path):
    import torch
    from transformers import Trainer, TrainingArguments

    model, tokenizer = content.make("gpt2")
    rows = [{"input_ids": torch.arange(5, 25), "labels": torch.arange(5, 25)}] * 32
    arguments = TrainingArguments(output_dir=str(tmp_path / "t"), max_steps=4, save_steps=2, per_device_train_batch_size=4,
                                  report_to=[], disable_tqdm=True, use_cpu=True, learning_rate=1e-3)  # fmt: skip
    callback = TransferCallback(["lm_loss/wiki"], tmp_path / "out", tokenizer, run="mine", limit=30)
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[callback]).train()
    store = Store(tmp_path / "out")
    assert sorted((i.run, i.step) for i in store.checkpoints.values()) == [("mine", 2), ("mine", 4)]
    assert len({r.value for r in store.records if r.metric == "nats_per_token"}) == 2
    assert roles_of(tmp_path / "out").families == {"mine": ("mine/step=2", "mine/step=4")}
    assert model.training


def test_records_on_disk_have_the_form_that_is_documented(hub, tmp_path):
    evaluate("tests/tiny-gpt2@step1", "lm_loss/wiki", output=tmp_path)
    line = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[0])
    assert list(line)[:4] == ["schema", "key", "metric", "value"]
    assert {"stderr", "stderr_method", "n", "unit", "higher_is_better", "task", "task_version", "checkpoint", "seed", "stage",
            "signature", "context", "cost"} <= set(line)  # fmt: skip


@pytest.mark.slow
def test_the_weights_of_the_next_checkpoint_are_on_their_way_unless_all_is_measured(suite, monkeypatch):
    events: list[tuple[str, str]] = []
    monkeypatch.setattr("harness.evaluator.fetch_ahead", lambda found: events.append(("fetch", found.name)))
    measure = Evaluation.checkpoint
    monkeypatch.setattr(
        Evaluation,
        "checkpoint",
        lambda self, found, *rest: events.append(("measure", found.name)) or measure(self, found, *rest),
    )
    losses = replace(from_suite(suite), tasks={"own/loss": from_suite(suite).tasks["own/loss"]})
    run(losses, suite, Options())
    names = [f"small/seed={seed}/step={step}" for seed in (1, 2) for step in (2, 8)]
    expected = [("fetch", names[1]), ("measure", names[0]), ("fetch", names[2]), ("measure", names[1])]
    assert events == [*expected, ("fetch", names[3]), ("measure", names[2]), ("measure", names[3])]
    events.clear()
    run(losses, suite, Options())
    assert [what for what, _ in events] == ["measure"] * 4


@pytest.mark.slow
def test_text_is_tokenised_once_for_all_checkpoints_with_one_tokenizer(suite, monkeypatch):
    calls: list[int] = []
    tokenise = lm_loss.tokenise
    monkeypatch.setattr(lm_loss, "tokenise", lambda tokenizer, texts: calls.append(1) or tokenise(tokenizer, texts))
    examples = labelled.tokenised
    monkeypatch.setattr(labelled, "tokenised", lambda *given: calls.append(2) or examples(*given))
    asked = replace(from_suite(suite), seeds=(1,))
    assert run(asked, suite, Options()).measured == 4 * 3
    assert (calls.count(1), calls.count(2)) == (2, 2)  # of the loss and of the trace; the train and the scored split
