"""The text of a task as a maker reads it."""

from __future__ import annotations

from harness.data.rows import Rows
from harness.makers.task_text import task_texts
from harness.specs import TranslationTask


def test_of_translation_both_sides_of_the_pairs_that_are_scored() -> None:
    task = TranslationTask.model_validate({
        "description": "d", "kind": "translation", "data": {"files": ["rows.jsonl"]}, "splits": {"score": "test"},
        "languages": {"source": "de", "target": "en"}, "source": "{{ de }}", "target": "{{ en }}", "where": {"domain": "law"},
    })  # fmt: skip
    rows = Rows({"de": ["eins", "zwei"], "en": ["one", "two"], "domain": ["news", "law"]}, "r", "f", 2)
    assert task_texts(task, rows) == ["zwei", "two"]
