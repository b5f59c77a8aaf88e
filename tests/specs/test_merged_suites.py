"""Suites that are joined: families and tasks of both, and an error where one name stands for two things."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.specs.merged_suites import merged_suites

MAKE = {"make": {"maker": "prune", "start": "a/b"}}
ONE = {
    "title": "One", "families": {"f": {"checkpoints": ["a@1", "a@2"]}, "m": MAKE}, "seeds": [1, 2],
    "tasks": {"upstream": ["lm_loss/wiki"], "downstream": ["glue/rte", {"name": "mine", "include": "glue/sst2"}]},
    "headline": {"glue/rte": "accuracy"},
}  # fmt: skip
TWO = {
    "title": "Two", "families": {"f": {"checkpoints": "a@3"}, "g": {"checkpoints": ["b"]}}, "seeds": [2, 3],
    "tasks": {"upstream": ["lm_loss/wiki"], "downstream": ["glue/rte", "glue/cola"]},
    "only": [{"tasks": ["glue/rte"], "families": ["g"]}],
}  # fmt: skip


def both(one, two):
    return merged_suites([(Path("A"), one), (Path("B"), two)])


def test_families_tasks_and_seeds_of_both():
    found = both(ONE, TWO)
    assert found["families"] == {"f": {"checkpoints": ["a@1", "a@2", "a@3"]}, "m": MAKE, "g": {"checkpoints": ["b"]}}
    assert found["tasks"] == {
        "upstream": ["lm_loss/wiki"], "downstream": ["glue/rte", {"name": "mine", "include": "glue/sst2"}, "glue/cola"]}  # fmt: skip
    assert found["seeds"] == [1, 2, 3] and found["title"] == "One" and found["headline"] == {"glue/rte": "accuracy"}


def test_a_task_that_one_keeps_to_some_families_keeps_all_its_families_of_the_other():
    assert both(ONE, TWO)["only"] == [
        {"tasks": ["glue/rte"], "families": ["f", "m"]}, {"tasks": ["glue/rte"], "families": ["g"]}]  # fmt: skip


@pytest.mark.parametrize(("change", "part"), [
    ({"families": {"m": {"make": {"maker": "quantize"}}}}, "the family 'm' is made otherwise in A than in B"),
    ({"families": {"m": {"checkpoints": ["x"]}}}, "the family 'm' is made otherwise in A than in B"),
    ({"tasks": {"downstream": [{"name": "mine", "include": "glue/cola"}]}}, "the downstream task 'mine' differs between A and B"),
    ({"headline": {"glue/rte": "f1"}}, "headline of 'glue/rte' differs between A and B"),
])  # fmt: skip
def test_one_name_for_two_things_names_both_folders(change, part):
    with pytest.raises(HarnessError, match=part):
        both(ONE, TWO | change)
