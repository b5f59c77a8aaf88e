from __future__ import annotations

import pytest
from regress_examples import Cell, folder, right

from harness.errors import HarnessError
from harness.regress.cell import Name
from harness.regress.pairing import new_cells, pairs
from harness.regress.side import group_of, read_side


def paired(tmp_path, before: list[Cell], now: list[Cell], **known):
    sides = (
        read_side(folder(tmp_path / "a", *before)),
        read_side(folder(tmp_path / "b", *now, identity="weights:2"), **known),
    )
    return pairs(*sides), new_cells(*sides)


def test_the_same_name_and_signature_meet_whatever_the_identity(tmp_path):
    found, new = paired(
        tmp_path, [Cell(outcomes=right(0.8))], [Cell(outcomes=right(0.7)), Cell("glue/cola", outcomes=right(0.5))]
    )
    assert [(str(pair.name), pair.why) for pair in found] == [("glue/rte accuracy of model", None)]
    assert found[0].before.value == pytest.approx(0.8) and found[0].now.value == pytest.approx(0.7)
    assert found[0].before.records[0].checkpoint != found[0].now.records[0].checkpoint
    assert [str(name) for name in new] == ["glue/cola accuracy of model"]


def test_groups_are_told_by_the_kind(tmp_path):
    cells = [
        Cell("a", "nats_per_token", values=[3.0]), Cell("b", "fisher_trace", values=[100.0]), Cell("c", "acc", values=[0.5]),
        Cell("d", "acc", values=[0.5], kind="affinity"),
    ]  # fmt: skip
    side = read_side(folder(tmp_path / "a", *cells))
    assert {name.task: group_of(side.newest(name)) for name in side.cells} == {
        "a": "loss",
        "b": "flatness",
        "c": "metric",
    }


@pytest.mark.parametrize(("now", "absent", "parts"), [
    (Cell(outcomes=right(0.8), checkpoint="other"), True, ["no checkpoint is called 'model'", "--alias", "other"]),
    (Cell("glue/cola", outcomes=right(0.8)), True, ["the task was not measured there", "glue/cola"]),
    (Cell(metric="f1", values=[0.8]), True, ["no metric 'accuracy' any more"]),
    (Cell(values=[0.8], error="CUDA is on fire"), True, ["its measurement failed: CUDA is on fire"]),
    (Cell(outcomes=right(0.8), version="2"), False, ["measured otherwise", "measured_by ('finetune/1' -> 'finetune/2')"]),
    (Cell(outcomes=right(0.8), partial="limited to 400 rows"), False, ["the whole data before", "limited to 400 rows now"]),
])  # fmt: skip
def test_what_is_missing_or_incomparable_says_why(tmp_path, now, absent, parts):
    found, _ = paired(tmp_path, [Cell(outcomes=right(0.8))], [now])
    assert (found[0].now is None) == absent
    for part in parts:
        assert part in found[0].why


def test_nats_under_two_tokenizers_are_incomparable_and_bits_per_byte_are_not(tmp_path):
    cell = {"task": "wiki", "metric": "nats_per_token", "values": [3.0], "more": {"bits_per_byte": [1.1]}}
    found, _ = paired(tmp_path, [Cell(**cell)], [Cell(**cell, tokenizer="u")])
    assert {pair.name.metric: pair.why is None for pair in found} == {"nats_per_token": False, "bits_per_byte": True}
    assert "two tokenizers" in found[0].why


def test_groups_of_comparability_are_held(tmp_path):
    cell = {"task": "flat", "metric": "fisher_trace", "values": [100.0]}
    one, other = ({"comparable_group": name} for name in "ab")
    found, _ = paired(tmp_path, [Cell(**cell, details=one)], [Cell(**cell, details=other)])
    assert "within one group alone" in found[0].why


def test_an_alias_says_what_a_checkpoint_is_called_in_the_baseline(tmp_path):
    found, _ = paired(tmp_path, [Cell(outcomes=right(0.8))], [Cell(outcomes=right(0.8), checkpoint="pr-7")],
                      aliases={"pr-7": "model"})  # fmt: skip
    assert found[0].why is None


def test_the_newest_measurement_of_the_baseline_is_what_is_held_to(tmp_path):
    folder(tmp_path / "a", Cell(outcomes=right(0.8)))
    folder(tmp_path / "a", Cell(outcomes=right(0.6)), identity="weights:3")
    folder(tmp_path / "a", Cell(outcomes=right(0.7), version="2"), identity="weights:3")
    side = read_side(tmp_path / "a")
    assert side.newest(Name("glue/rte", "accuracy", "model")).value == pytest.approx(0.7)
    now = read_side(
        folder(tmp_path / "b", Cell(outcomes=right(0.6), version="1"), Cell(outcomes=right(0.9), version="2"))
    )
    assert pairs(side, now)[0].now.value == pytest.approx(0.9)


def test_a_folder_without_records_is_named(tmp_path):
    with pytest.raises(HarnessError, match="holds no results.jsonl"):
        read_side(tmp_path)
