"""Folders that are joined: all that both hold, once; what contradicts is an error that names both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.results import CheckpointInfo, Record, Store
from harness.results.merging import merge
from harness.results.outcomes import read_outcomes, write_shard
from harness.results.texts import read_texts, write_texts
from tests.results.exchange_folders import CONTENT, FAILURE, FIRST, RECORDS, SECOND


def put(
    folder: Path,
    records: Sequence[Record],
    *,
    outcomes: float | None = None,
    infos: Sequence[CheckpointInfo] = (FIRST, SECOND),
) -> Path:
    """A results folder of some records, and the outcomes and outputs of the measurement of the first."""
    with Store.writing(folder) as writer:
        used = {record.context for record in records}
        writer.add_all(records, [line for name, line in CONTENT.contexts.items() if name in used], infos)
    if outcomes is not None:
        columns = {"row": [0, 1], "cluster": [0, 1], "outcome": [outcomes, 0.0], "weight": [1.0, 1.0]}
        write_shard(folder, records[0].key, [{"metric": records[0].metric, **columns}])
        write_texts(folder, records[0].key, [{"row": 0, "text": folder.name}])
    return folder


def test_the_union_of_records_contexts_checkpoints_outcomes_outputs_and_specs(tmp_path):
    a, b = put(tmp_path / "a", RECORDS[:3], outcomes=1.0), put(tmp_path / "b", RECORDS[2:], outcomes=0.5)
    (a / "mine.yaml").write_text("kind: lm_loss\n")
    found = merge([a, b], tmp_path / "c")
    store = Store(tmp_path / "c")
    assert (
        store.records == list(RECORDS)
        and store.contexts == CONTENT.contexts
        and store.checkpoints == CONTENT.checkpoints
    )
    assert (found.records, found.checkpoints, found.already, found.notes) == (len(RECORDS), 2, 1, ())
    outcomes = read_outcomes(tmp_path / "c").to_pylist()
    assert [(row["key"], row["outcome"]) for row in sorted(outcomes, key=lambda row: -row["outcome"])][:2] == [
        (RECORDS[0].key, 1.0), (RECORDS[2].key, 0.5)]  # fmt: skip
    assert [read_texts(tmp_path / "c", RECORDS[n].key)[0]["text"] for n in (0, 2)] == ["a", "b"]
    assert (tmp_path / "c" / "mine.yaml").read_text() == "kind: lm_loss\n"


def test_outcomes_of_a_measurement_that_both_have_stand_once(tmp_path):
    a, b = put(tmp_path / "a", RECORDS[:1], outcomes=1.0), put(tmp_path / "b", RECORDS[:1], outcomes=1.0)
    merge([a, b], tmp_path / "c")
    assert len(read_outcomes(tmp_path / "c")) == 2


@pytest.mark.parametrize(("name", "value"), [("value", 0.9), ("stderr", 0.5), ("n", 3)])
def test_one_measurement_with_two_values_names_both(tmp_path, name, value):
    a, b = put(tmp_path / "a", RECORDS[2:3]), put(tmp_path / "b", [replace(RECORDS[2], **{name: value})])
    with pytest.raises(HarnessError) as raised:
        merge([a, b], tmp_path / "c")
    for part in (
        f"{name} is {getattr(RECORDS[2], name)!r} in {a}",
        f"{value!r} in {b}",
        "accuracy of glue/rte",
        "harness results drop",
    ):
        assert part in str(raised.value)
    assert not (tmp_path / "c").exists()


def test_what_a_measurement_cost_may_differ(tmp_path):
    a, b = (
        put(tmp_path / "a", RECORDS[:1]),
        put(tmp_path / "b", [replace(RECORDS[0], cost=replace(RECORDS[0].cost, seconds=1.0))]),
    )
    merge([a, b], tmp_path / "c")
    assert Store(tmp_path / "c").records == [RECORDS[0]]


def test_a_failure_gives_way_to_a_measurement_whichever_comes_first(tmp_path):
    done = replace(FAILURE, metric="accuracy", value=0.5, unit="fraction", higher_is_better=True, error=None)
    a, b = put(tmp_path / "a", [FAILURE]), put(tmp_path / "b", [done])
    merge([a, b], tmp_path / "c")
    merge([b, a], tmp_path / "d")
    assert Store(tmp_path / "c").records == Store(tmp_path / "d").records == [done]


def test_names_are_joined_gaps_filled_and_a_difference_told(tmp_path):
    a = put(tmp_path / "a", RECORDS[:1], infos=[FIRST])
    b = put(tmp_path / "b", RECORDS[:1], infos=[replace(FIRST, names=("local/copy",), corpus="wiki", step=9)])
    found = merge([a, b], tmp_path / "c")
    (info,) = Store(tmp_path / "c").checkpoints.values()
    assert info == replace(FIRST, names=(*FIRST.names, "local/copy"), corpus="wiki")
    assert found.notes == (f"local/copy: step is 9 in {b}; kept 1",)


def test_specs_of_one_name_that_differ_and_a_full_output_are_refused(tmp_path):
    a, b = put(tmp_path / "a", RECORDS[:1]), put(tmp_path / "b", RECORDS[1:2])
    with pytest.raises(HarnessError, match="holds results already"):
        merge([a, b], b)
    (a / "mine.yaml").write_text("one")
    (b / "mine.yaml").write_text("two")
    with pytest.raises(HarnessError, match=r"a/mine\.yaml and .*b/mine\.yaml differ"):
        merge([a, b], tmp_path / "c")
