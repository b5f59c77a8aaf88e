from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.rows import Rows
from harness.errors import HarnessError
from harness.measures.likelihood.questions import columns_read, questions
from harness.specs import ChoiceTask, load_task
from tests.measures.likelihood.choice_rows import columns_of_rows, write_task

SPEC = """description: d
kind: choice
data: {path: a/b}
splits: {score: validation, examples: train}
context: "Question: {{ question }}\\nAnswer:"
choices: "{{ choices.text }}"
labels: "{{ choices.label }}"
target: key
shots: 2
metrics: [accuracy]
"""
ROW = {"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "key": "B"}


def task_of(tmp_path: Path, *changes: tuple[str, str]) -> ChoiceTask:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "t.yaml").write_text(text)
    task = load_task(str(tmp_path / "t.yaml"))
    assert isinstance(task, ChoiceTask)
    return task


def rows(*given: dict) -> Rows:
    return Rows(columns_of_rows(list(given)), "r", "f", len(given))


NONE = (("examples: train", "x: x"), ("shots: 2\n", ""), (", x: x", ""))


def test_few_shot_text_is_exactly_the_solved_rows_and_the_question(tmp_path):
    task = task_of(tmp_path, ("shots: 2", "shots: 2\nshot_rows: [2, 0]"))
    known = rows(ROW | {"question": "one"}, ROW, ROW | {"question": "three", "key": "A"})
    (asked,) = questions(task, rows(ROW | {"question": "now"}), known)
    before = "Question: three\nAnswer: x\n\nQuestion: one\nAnswer: y\n\nQuestion: now\nAnswer:"
    assert asked.pairs() == [(before, " x"), (before, " y")] and asked.target == 1
    assert columns_read(task) == {"question", "choices", "key"}


def test_a_context_for_each_choice_shares_one_continuation():
    task = load_task("choice/winogrande")
    row = {"sentence": "mira met tolan and _ left _ there.", "option1": "mira", "option2": "tolan", "answer": "2"}
    (asked,) = questions(task, rows(row))
    assert asked.pairs() == [
        ("mira met tolan and mira", " left _ there."),
        ("mira met tolan and tolan", " left _ there."),
    ]
    assert asked.target == 1


@pytest.mark.parametrize(("labels", "said", "expected"), [
    (None, 1, 1), (None, "1", 1), (None, True, 1), (None, 0, 0),
    ("[A, B]", "A", 0), ('["1", "2"]', 2, 1), ("'{{ choices.text }}'", "y", 1), ("'{{ choices.label }}'", "B", 1),
])  # fmt: skip
def test_targets_are_an_index_a_label_or_a_text(tmp_path, labels, said, expected):
    change = ('labels: "{{ choices.label }}"\n', f"labels: {labels}\n" if labels else "")
    task = task_of(tmp_path, *NONE, change)
    (asked,) = questions(task, rows(ROW | {"key": said}))
    assert asked.target == expected


@pytest.mark.parametrize(("labels", "change", "told"), [
    (True, {"key": "C"}, r"t\.yaml:8: row 1 of split 'validation' has target 'C'; valid: A, B"),
    (True, {"key": ""}, "the Hub hides the answers"),
    (True, {"key": -1}, "the Hub hides the answers"),
    (False, {"key": 2}, r"t\.yaml:7: row 1 of split 'validation' has target 2, outside 0 to 1"),
    (False, {"key": "B"}, "without labels it counts the choices, from 0 to 1"),
    (False, {"key": 0.5}, "without labels it counts"),
    (True, {"choices": {"text": ["x"], "label": ["A"]}}, r"t\.yaml:6: row 1 of split 'validation' has 1 choices"),
    (True, {"choices": {"text": [], "label": []}}, "has 0 choices; a question has two or more"),
    (True, {"choices": {"text": ["x", " "], "label": ["A", "B"]}}, r"t\.yaml:6: row 1 .*: choice 1 is empty"),
    (True, {"choices": {"text": "xy", "label": ["A", "B"]}}, r"has 'xy' for its choices"),
    (True, {"choices": {"text": ["x", "y"], "label": ["A"]}}, r"labels \['A'\] for 2 choices; give one for each"),
    (True, {"choices": {"label": ["A", "B"]}}, r"t\.yaml:6: row 1 of split 'validation': expression .* has no value"),
])  # fmt: skip
def test_a_row_that_is_no_question_is_one_message_with_file_and_line(tmp_path, labels, change, told):
    more = () if labels else (('labels: "{{ choices.label }}"\n', ""),)
    task = task_of(tmp_path, *NONE, *more)
    with pytest.raises(HarnessError, match=told) as error:
        questions(task, rows(ROW if labels else ROW | {"key": 0}, ROW | change))
    assert len(str(error.value).splitlines()) == 1


def test_too_few_examples_are_refused_with_the_row_that_is_wanted(tmp_path):
    with pytest.raises(HarnessError, match=r"t\.yaml:9: example row 1 is wanted; split 'train' has 1 rows"):
        questions(task_of(tmp_path), rows(ROW), rows(ROW))


def test_clusters_are_passages(tmp_path):
    asked = questions(load_task("choice/boolq"), rows(*[{"passage": p, "question": "q", "label": 1} for p in "aab"]))
    assert [q.cluster for q in asked] == ["a", "a", "b"] and asked[0].contexts[0] == "a\nQuestion: q?\nAnswer:"


def test_brackets_of_wikihow_are_taken_out_of_context_and_endings(tmp_path):
    row = {"activity_label": "Baking", "ctx_a": "[header] How to bake [title] Mix", "ctx_b": "the baker  [step]", "label": "0",
           "source_id": "s", "endings": [" stirs [substeps] it. ", "x", "y", "z"]}  # fmt: skip
    (asked,) = questions(load_task(write_task(tmp_path, "hellaswag", [row])), rows(row))
    assert asked.contexts[0] == "Baking: How to bake. Mix The baker "
    assert asked.choices[0] == "stirs it."
    assert json.loads((tmp_path / "hellaswag.jsonl").read_text()) == row
