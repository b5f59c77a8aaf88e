"""The text of a task as a maker reads it: to train towards it, or to see what of it was trained on."""

from __future__ import annotations

from harness.data.parallel import pairs_of
from harness.data.rows import Rows
from harness.measures.kinds import kind_of
from harness.measures.labelled import filled
from harness.measures.lm_loss import take
from harness.specs import ChoiceTask, FinetuneTask, LmLossTask, Task, TranslationTask

WITH_TEXT = (LmLossTask, FinetuneTask, ChoiceTask, TranslationTask)
"""Tasks whose rows are text."""


def task_texts(task: Task, rows: Rows) -> list[str]:
    """Documents of language modelling, the filled templates of fine-tuning, both sides of pairs, or all columns of choice."""
    if isinstance(task, LmLossTask):
        return [document.text for document in take(rows, task.text)]
    if isinstance(task, FinetuneTask):
        return [" ".join(texts) for texts in zip(*filled(task, rows), strict=True)]
    if isinstance(task, TranslationTask):
        return [text for pair in pairs_of(task, rows, task.place()) for text in (pair.source, pair.target)]
    columns = [rows.columns[name] for name in kind_of(task).columns(task)]
    return [" ".join(str(value) for value in values) for values in zip(*columns, strict=True)]
