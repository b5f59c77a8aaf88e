"""How a recipe names the text it trains on: a mapping, a shipped task of kind ``lm_loss``, or a file of text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Strict

from harness.errors import HarnessError, nearest
from harness.specs.task import Corpus, LmLossTask

FILES = (".txt", ".md", ".text", ".jsonl", ".json", ".csv", ".parquet")
PLAIN = (".txt", ".md", ".text")


def corpora(value: Any) -> Any:
    """One corpus or several, each a mapping or a name, as a list of mappings."""
    parts = [value] if isinstance(value, str | Mapping) else value
    if not isinstance(parts, list | tuple):
        return value
    return [named(part) if isinstance(part, str) else part for part in parts]


def named(name: str) -> dict[str, Any]:
    """The corpus that a name stands for.

    A task gives its data and how rows become documents; what is trained on is the split ``train``, not the one it scores.

    Raises:
        ValueError: no such task, none of kind ``lm_loss``, or one that scores the split ``train`` itself.

    >>> named("notes.txt")
    {'data': {'files': ['notes.txt']}, 'text': {'documents': 'file'}}
    """
    if Path(name).suffix.lower() in FILES:
        text = {"text": {"documents": "file"}} if Path(name).suffix.lower() in PLAIN else {}
        return {"data": {"files": [name]}} | text
    return of_task(name)


def of_task(name: str) -> dict[str, Any]:
    """The text of a shipped task to train on.

    Raises:
        ValueError: as for :func:`named`.
    """
    from harness.specs.load import load_task, task_names

    shipped = [task for task in task_names() if task.startswith("lm_loss/") and task != "lm_loss/text"]
    try:
        if name not in task_names():
            raise HarnessError(f"no corpus {name!r}; {nearest(name, shipped)}, or a file ({', '.join(FILES[:4])}, ...)")
        task = load_task(name)
    except HarnessError as error:
        raise ValueError(str(error)) from None
    if not isinstance(task, LmLossTask) or task.data.files is not None:
        raise ValueError(f"{name} is no text to train on; {nearest(name, shipped)}")
    if task.splits["score"] == "train":
        raise ValueError(f"{name} scores the split train; say what to train on as a mapping, {{data: ..., split: ...}}")
    text = {key: value for key, value in task.text.definition().items() if key != "first"}
    return {"data": task.data.definition()} | ({"text": text} if text else {})


Corpora = Annotated[
    tuple[Corpus, ...],
    Strict(False),
    BeforeValidator(corpora, json_schema_input_type=list[Corpus | str] | Corpus | str),
]
"""Text to train on: mappings, names of tasks, files."""
