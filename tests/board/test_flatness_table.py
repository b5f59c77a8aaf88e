"""The flatness table: headline values with the loss, groups, warnings, and paired changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flatness_examples import ROLES, flat, key_for

from harness.board.checkpoint_table import apart, columns
from harness.board.flatness_metrics import detailed_tasks
from harness.board.flatness_spots import spots
from harness.board.flatness_table import FlatnessRow, Head, draws_wanted, flatness_rows, heads
from harness.results.record import CheckpointInfo, Record
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.paired import paired_difference


def table(
    records: list[Record], checkpoints: dict[str, CheckpointInfo], draws: dict[tuple[str, str], Draws]
) -> tuple[list[Head], dict[str, FlatnessRow]]:
    tasks = detailed_tasks(records, ROLES)
    found = spots(records, checkpoints, ROLES, tasks)
    head = heads(found, tasks, ROLES, draws)
    return head, {row.name: row for row in flatness_rows(found, head, checkpoints, draws)}


def test_headline_columns_and_the_change_after_what_has_draws() -> None:
    records, checkpoints, _, draws = flat()
    head, rows = table(records, checkpoints, draws)
    assert [(h.metric, h.change) for h in head] == [
        ("fisher_trace", False), ("fisher_trace", True), ("row_normalised_fisher", False), ("noise_for_0.1_nat", False),
        ("hessian_trace", False), ("loss_rise_noise_0.1", False), ("measured_noise_for_0.1_nat", False),
        ("largest_eigenvalue", False),
    ]  # fmt: skip
    assert list(rows)[:4] == ["small-1-10", "small-1-100", "small-1-400", "small-2-10"]
    row = rows["small-1-100"]
    assert (row.loss.text, row.run, row.step) == ("3.000", "small/1", 100)
    assert "loss on the same tokens 3.000" in row.values[0].title and "95% interval" in row.values[0].title


def test_the_change_is_the_paired_difference_to_the_step_before() -> None:
    records, checkpoints, _, draws = flat()
    _, rows = table(records, checkpoints, draws)
    keys = [key_for("flatness/fisher", f"small-1-{step}") for step in (100, 10)]
    found = paired_difference(*(draws[key, "fisher_trace"] for key in keys))
    change = rows["small-1-100"].values[1]
    assert change.sort == pytest.approx(found.difference)
    assert change.text.startswith("−") and change.under.startswith("×0.18")
    assert "step 100 less step 10, on 40 draws of 40 documents" in change.title
    assert found.stderr < found.unpaired_stderr
    assert rows["small-1-10"].values[1].text == "–"  # the first of its run


def test_what_cannot_be_paired_says_why() -> None:
    records, checkpoints, _, draws = flat()
    key = (key_for("flatness/fisher", "small-1-100"), "fisher_trace")
    short = {name: d for name, d in draws.items() if name != key}
    change = table(records, checkpoints, short)[1]["small-1-100"].values[1]
    assert change.text == "–" and change.title.startswith("no draws of flatness/fisher fisher_trace")


def test_traces_of_two_architectures_have_two_letters_and_the_rest_none() -> None:
    records, checkpoints, _, draws = flat()
    head, rows = table(records, checkpoints, draws)
    marks = {h.metric: (a.group, b.group) for h, a, b in zip(
        head, rows["small-1-10"].values, rows["large-1-10"].values, strict=True) if not h.change}  # fmt: skip
    assert marks["fisher_trace"] == marks["hessian_trace"] == marks["largest_eigenvalue"] == ("A", "B")
    assert marks["row_normalised_fisher"] == marks["noise_for_0.1_nat"] == ("", "")


def test_records_older_than_groups_go_by_architecture() -> None:
    records, checkpoints, _, draws = flat()
    old = [replace(r, details={"interval": [1, 2]}) if r.task.startswith("flatness") else r for r in records]
    sized = {i: replace(info, architecture=i.split("-")[0], tokenizer="t") for i, info in checkpoints.items()}
    head, rows = table(old, sized, draws)
    assert rows["small-1-10"].loss.text == "4.000" and rows["small-1-10"].loss.title == "nats per token on lm_loss/wiki"
    letters = {h.metric: rows["large-1-10"].values[n].group for n, h in enumerate(head) if not h.change}
    assert letters["fisher_trace"] == "B" and letters["row_normalised_fisher"] == ""
    assert rows["small-1-100"].values[1].under.startswith("×0.18")  # draws pair all the same


def test_warnings_are_told_by_their_first_words() -> None:
    records, checkpoints, _, draws = flat()
    warned = (
        "precision not reached: asked 5.0%, reached 9.0% after 64 sequences",
        "heavy tail: one sequence holds 20%",
    )
    told = [
        replace(r, warnings=warned) if r.checkpoint == "small-1-10" and r.task == "flatness/fisher" else r
        for r in records
    ]
    row = table(told, checkpoints, draws)[1]["small-1-10"]
    assert [flag.code for flag in row.warnings] == ["precision not reached", "heavy tail"]
    assert row.warnings[0].text == f"flatness/fisher: {warned[0]}"


def test_the_checkpoints_table_keeps_the_headline_columns() -> None:
    records, *_ = flat()
    kept, further = apart(columns(records, ROLES), ROLES, detailed_tasks(records, ROLES))
    assert {c.metric for c in further} == {
        "fisher_rao_norm", "loss_rise_noise_0.02", "loss_rise_noise_0.05", "loss_rise_noise_0.2", "loss_rise_ascent_0.01",
    }  # fmt: skip
    assert "nats_per_token" in {c.metric for c in kept} and len(kept) == 8
    chosen = replace(ROLES, headline={"flatness/fisher": "fisher_rao_norm"})
    assert "fisher_rao_norm" in {c.metric for c in apart(columns(records, chosen), chosen, chosen.flatness)[0]}
    assert apart(columns(records, ROLES), ROLES, [])[1] == []


def test_only_flatness_draws_are_asked_for() -> None:
    records, *_ = flat()
    assert {metric for _, metric in draws_wanted(records, ["flatness/hessian"])} == {"hessian_trace"}
