"""What is dropped goes with all that was its own, and nothing else goes."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.results import Store
from harness.results.dropping import chosen, drop
from harness.results.outcomes import read_outcomes, write_shard
from harness.results.texts import read_texts, write_texts
from tests.results.exchange_folders import CONTENT, FIRST, RECORDS, SECOND


@pytest.fixture
def folder(tmp_path):
    with Store.writing(tmp_path) as writer:
        writer.add_all(RECORDS, CONTENT.contexts.values(), CONTENT.checkpoints.values())
    for record in RECORDS[:3]:
        write_shard(
            tmp_path,
            record.key,
            [{"metric": record.metric, "row": [0], "cluster": [0], "outcome": [1.0], "weight": [1.0]}],
        )
        write_texts(tmp_path, record.key, [{"text": "t"}])
    return tmp_path


def test_records_are_chosen_by_task_pattern_name_and_identity(folder):
    store = Store(folder)
    assert chosen(store, [], []) == list(RECORDS)
    assert {r.task for r in chosen(store, ["glue/*"], [])} == {"glue/rte"}
    assert chosen(store, ["my/loss"], ['a "quoted", name']) == [RECORDS[0]]
    assert chosen(store, ["my/loss"], [SECOND.identity]) == [RECORDS[1]]
    with pytest.raises(HarnessError, match="no record of the task 'my/los'; did you mean 'my/loss'"):
        chosen(store, ["my/los"], [])
    with pytest.raises(HarnessError, match="no checkpoint 'org/model@step2'; did you mean 'org/model@step1'"):
        chosen(store, [], ["org/model@step2"])


def test_a_task_goes_with_its_outcomes_outputs_and_context(folder):
    drop(folder, chosen(Store(folder), ["my/loss"], []))
    store = Store(folder)
    assert store.records == list(RECORDS[2:]) and set(store.contexts) == {RECORDS[2].context}
    assert read_outcomes(folder)["key"].to_pylist() == [RECORDS[2].key]
    assert not read_texts(folder, RECORDS[0].key) and read_texts(folder, RECORDS[2].key)
    assert set(store.checkpoints) == {FIRST.identity, SECOND.identity}


def test_a_checkpoint_goes_when_its_last_record_does(folder):
    drop(folder, chosen(Store(folder), [], [FIRST.names[0]]))
    assert set(Store(folder).checkpoints) == {SECOND.identity}


def test_one_metric_of_a_measurement_leaves_its_outcomes(folder):
    accuracy, f1 = (r for r in RECORDS if r.seed == 2)
    write_shard(folder, f1.key, [{"metric": "accuracy", "row": [0], "cluster": [0], "outcome": [1.0], "weight": [1.0]}])
    drop(folder, [f1])
    assert accuracy in Store(folder).records and f1.key in read_outcomes(folder)["key"].to_pylist()
