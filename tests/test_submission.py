"""Submitted records: what was changed is found, a sample measured again agrees, and each tolerance says why."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from harness.results import Cost, Store
from harness.submission import faults, tolerance
from tests.hub.text import sentences
from tests.results.exchange_folders import CONTENT, FIRST, LOSS, RECORDS, SECOND, a_record
from tests.test_cli import harness

RTE_RECORDS = [a_record(CONTENT.contexts[RECORDS[2].context]["parts"], FIRST.identity, seed=s, value=v) for s, v in
               ((1, 0.60), (2, 0.64), (3, 0.68))]  # fmt: skip


def store_of(folder, records, contexts=CONTENT.contexts, infos=(FIRST, SECOND)):
    with Store.writing(folder) as writer:
        writer.add_all(records, contexts.values(), infos)
    return Store(folder)


def faults_of(store):
    return list(faults(store, store.records))


def test_records_as_the_harness_writes_them_have_no_fault(tmp_path):
    assert faults_of(store_of(tmp_path, RECORDS[:5])) == []


@pytest.mark.parametrize(("change", "part"), [
    ({"key": "0" * 64}, "its key is not that of"), ({"seed": 9}, "its key is not that of"),
    ({"signature": "0" * 64}, "its signature is not that of"), ({"context": "0" * 64}, "its context or its checkpoint is missing"),
    ({"value": 1.2}, "a fraction is not between 0 and 1"), ({"partial": "limited"}, "a part of the data (limited)"),
    ({"value": None, "error": "out of memory"}, "a measurement failed"),
])  # fmt: skip
def test_what_was_changed_is_told_with_its_place(tmp_path, change, part):
    fault = faults_of(store_of(tmp_path, [replace(RECORDS[3], **change)]))[0]
    assert part in fault and fault.endswith(f"accuracy of glue/rte, key {change.get('key', RECORDS[3].key)[:16]}")


def test_a_context_that_was_changed_and_a_folder_of_this_machine_are_told(tmp_path):
    contexts = {name: {**line, "device": "cuda"} for name, line in CONTENT.contexts.items()}
    local = replace(SECOND, names=("/home/me/model",), made=None)
    found = faults_of(store_of(tmp_path, RECORDS[:2], contexts, (FIRST, local)))
    assert found[0].startswith("its context was changed: ") and found[0].endswith(" and 1 more")
    assert found[1].startswith("nobody else can load /home/me/model") and len(found) == 2


def test_a_loss_may_move_by_rounding_or_by_what_changes_no_conclusion():
    loss = a_record(LOSS, FIRST.identity, value=4.0, stderr=0.05)
    assert tolerance(loss, False, [])[0] == pytest.approx(0.005)
    assert tolerance(replace(loss, stderr=None), False, [])[0] == pytest.approx(4e-4)
    assert "nothing is drawn anew" in tolerance(loss, False, [])[1]


def test_a_trained_score_may_move_as_seeds_do():
    first = RTE_RECORDS[0]
    allowed, because = tolerance(first, True, RTE_RECORDS)
    assert allowed == pytest.approx(3 * math.sqrt(2) * 0.04) and "sd over 3 seeds" in because
    allowed, because = tolerance(first, True, RTE_RECORDS[:2])
    assert allowed == pytest.approx(3 * math.sqrt(2) * 0.0284) and "too few seeds" in because
    assert tolerance(replace(first, stderr=None), True, [])[0] == pytest.approx(0.03)


@pytest.mark.slow
def test_a_sample_is_measured_again_and_a_changed_value_is_found(hub, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/own.txt").write_text("".join(f"{sentence}\n\n" for sentence in sentences(8, seed=1)))
    (tmp_path / "out/own.yaml").write_text(
        "description: d\nkind: lm_loss\ndata: {files: [own.txt]}\nsplits: {score: train}\ntext: {documents: file}\n"
    )
    (tmp_path / "out/suite.yaml").write_text(
        "families: {f: {checkpoints: ['tests/tiny-gpt2@step{1,2}']}}\ntasks: {upstream: [own.yaml]}\n"
    )
    done = harness("run", "out", "--no-board", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = harness("submit", "check", "out", "--sample", "1", "--seed", "0", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    assert not found["wrong"] and {row["metric"] for row in found["again"]} == {"nats_per_token", "bits_per_byte"}
    assert all(row["submitted"] == pytest.approx(row["measured"], rel=1e-6) for row in found["again"])
    path = tmp_path / "out/results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**line, "value": 1.1 * line["value"]}) + "\n" for line in lines))
    done = harness("submit", "check", "out", "--sample", "2", "--seed", "0", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and len(found["again"]) == 4
    assert all("apart, more than" in row["fault"] for row in found["again"])


def test_a_record_without_a_cost_is_in_order(tmp_path):
    assert faults_of(store_of(tmp_path, [replace(RECORDS[0], cost=Cost())])) == []
