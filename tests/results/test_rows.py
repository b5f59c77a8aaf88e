"""The bulk reader gives what reading line by line gives, and leaves to it whatever is not plainly whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.results import Record, Store, rows
from harness.results.rows import Row, read_rows
from tests.results.records import a_context, a_record, an_info


def mixed() -> list[Record]:
    """Errors, partial, seeds, versions, grid stages, a chosen run, several metrics of a key, and a key measured twice."""
    accuracy = {
        "metric": "accuracy",
        "unit": "fraction",
        "higher_is_better": True,
        "details": {
            "chance": 0.5,
            "bayes": 0.75,
            "x": "ü",
            "of": "glue/rte",
            "weight_norm": 3.5,
            "comparable_group": "0123456789abcdef",
        },
    }
    selected = {"key": "k", "learning_rate": 2e-5, "chosen_on": "held-out", "by": "held_out_accuracy"}
    found = [a_record(checkpoint=f"c{n}", value=3.5 - n / 10) for n in range(6)]
    found += [a_record(task="glue/rte", checkpoint=f"c{n}", seed=s, value=0.5 + n / 50 + s / 999, **accuracy)
              for n in range(6) for s in (1, 2)]  # fmt: skip
    failed = a_record(
        task="glue/rte", checkpoint="c9", metric="error", value=None, stderr=None, n=None, error="no\tdisk"
    )
    return [
        *found,
        failed,
        replace(found[-1], metric="f1", details={"classes": [1, 2]}, partial="limit 10", warnings=("one", "two")),
        replace(found[-1], key="grid", stage="grid", value=1),
        replace(found[-1], key="chosen", selected=selected, task_version=2),
        replace(found[7], value=0.75, stderr=None),
    ]


def fill(folder: Path, records: list[Record]) -> Path:
    with Store.writing(folder) as writer:
        writer.add_all(records, [a_context()], [an_info(f"c{n}") for n in range(6)])
    return folder / "results.jsonl"


@pytest.mark.parametrize("block", [64, 3000, 1 << 26])
def test_rows_are_the_records_read_line_by_line(tmp_path, monkeypatch, block):
    monkeypatch.setattr(rows, "BLOCK", block)
    path = fill(tmp_path, mixed())
    store, light = Store(tmp_path), Store.of_rows(tmp_path)
    assert len(store.records) == len(mixed()) - 1 and store.records[7].value == 0.75
    assert read_rows(path) == [Row.of(record) for record in store.records] == light.records
    assert (light.checkpoints, light.contexts) == (store.checkpoints, store.contexts)
    assert [row.key for row in light.failures] == [record.key for record in store.failures] != []
    assert light.done(store.records[6].key) == [Row.of(store.records[6])]


def changed(path: Path, line: int, text: str) -> None:
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": 1}, r"results\.jsonl:2: record has unknown fields \['colour'\]"),
        ({"schema": 2}, r"results\.jsonl:2: record schema 2"),
        ({"unit": ...}, r"results\.jsonl:2: record lacks \['unit'\]"),
        ({"value": ...}, r"results\.jsonl:2: record lacks \['value'\]"),
        (None, r"results\.jsonl:2: not a JSON object"),
        ("", r"results\.jsonl:2: not a JSON object"),
    ],
)
def test_what_is_no_record_is_named_as_ever(tmp_path, change, told):
    path = fill(tmp_path, mixed())
    line = json.loads(path.read_text().splitlines()[1])
    if isinstance(change, dict):
        line = {name: value for name, value in {**line, **change}.items() if value is not ...}
    changed(path, 1, json.dumps(line) if isinstance(change, dict) else "garbage" if change is None else change)
    assert read_rows(path) is None
    with pytest.raises(HarnessError, match=told):
        Store.of_rows(tmp_path)


def test_a_torn_last_line_and_a_field_left_out_are_read_by_line(tmp_path):
    path = fill(tmp_path, mixed())
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert read_rows(path) is None
    assert Store.of_rows(tmp_path).records == [Row.of(record) for record in Store(tmp_path).records]
    path.write_bytes(whole)
    line = json.loads(path.read_text().splitlines()[0])
    del line["stage"]
    changed(path, 0, json.dumps(line))
    assert read_rows(path) is None and Store.of_rows(tmp_path).records[0].stage == "selected"


def test_a_folder_without_results(tmp_path):
    assert Store.of_rows(tmp_path / "none").records == []
