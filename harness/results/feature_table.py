"""What a published source says of tasks, beside its table of results: features from which slopes may be predicted.

A CSV file with a row for each task: ``task``, and columns of numbers; a blank cell is unknown, lines before the header that
begin with # are notes. A column ``chance`` is the accuracy, between 0 and 1, that takes no learning: a feature, and the
floor of the task's accuracies and errors too.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.results import floors
from harness.results.record import Record
from harness.results.signature import key_of
from harness.results.table import Imported, context_of
from harness.results.table_rows import skip_notes

TASK = "published features"
"""What the affinity task is called that these features are recorded under."""
CHANCE = "chance"

Features = Mapping[str, Mapping[str, float]]
"""Task to features by name."""


def read_features(path: Path) -> Features:
    """Read a table of features.

    Raises:
        HarnessError: the file cannot be read, is no such table, or a cell is no number; file and line are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            skipped, first = skip_notes(file)
            rows = list(csv.reader(chain([first], file), strict=True))
    except OSError as error:
        raise HarnessError(f"{path} cannot be read: {error.strerror}; give the path of a CSV file") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: no CSV in UTF-8: {error}") from None
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) < 2 or header[0] != "task" or len(set(header)) < len(header) or not all(header):
        raise HarnessError(
            f"{path}:{skipped + 1}: expected a header 'task' and names of features, each once; got {header}"
        )
    found: dict[str, dict[str, float]] = {}
    for line, fields in enumerate(rows[1:], skipped + 2):
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(header):
            raise HarnessError(
                f"{path}:{line}: {len(fields)} fields under {len(header)} columns; quote a text that has a comma"
            )
        task = fields[0].strip()
        if not task or task in found:
            raise HarnessError(f"{path}:{line}: the task {task!r} is blank or stands twice; give every task one row")
        cells = zip(header[1:], (field.strip() for field in fields[1:]), strict=True)
        found[task] = {name: number(f"{path}:{line}", name, text) for name, text in cells if text}
    return found


def number(where: str, name: str, text: str) -> float:
    """A finite number; a chance is one between 0 and 1.

    Raises:
        HarnessError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (name == CHANCE and not 0 <= value < 1):
        wanted = "a share between 0 and 1" if name == CHANCE else "a number; give a kind of task as 0 or 1"
        raise HarnessError(f"{where}: {name} is {text!r}; expected {wanted}, or nothing where it is unknown")
    return value


def with_features(imported: Imported, features: Features, source: str) -> Imported:
    """A table with the features of its tasks as affinity records, one for each family, on its first checkpoint.

    Raises:
        HarnessError: no task of the table has any.
    """
    tasks = [task for task in imported.roles.downstream if features.get(task)]
    if not tasks:
        raise HarnessError(
            f"no task of the features is in the table; {nearest(next(iter(features), ''), imported.roles.downstream)}"
        )
    context = context_of(source, TASK)
    first = [names[0] for names in imported.roles.families.values() if names]
    identities = [info.identity for info in imported.checkpoints if set(info.names) & set(first)]
    records = [
        Record(
            key=key_of(f"{context['signature']} {task}", identity, None), metric=name, value=value, unit="number",
            higher_is_better=True, task=TASK, task_version=1, checkpoint=identity, signature=context["signature"],
            context=context["context"], details={"of": task},
        )
        for identity in identities for task in tasks for name, value in features[task].items()
    ]  # fmt: skip
    kept = tuple(with_chance(record, features) for record in imported.records)
    return replace(
        imported, records=(*kept, *records), contexts=(*imported.contexts, context),
        roles=replace(imported.roles, affinity=(TASK,)),
    )  # fmt: skip


def with_chance(record: Record, features: Features) -> Record:
    """An accuracy or an error with the floor that the features give for its task."""
    chance = features.get(record.task, {}).get(CHANCE)
    if chance is None or not floors.is_accuracy(record.metric):
        return record
    floor = floors.Floor(chance, None, TASK).of(record.unit, record.higher_is_better)
    return replace(record, details={**(record.details or {}), "chance": floor, "chance_by": TASK})


__all__ = ["Features", "read_features", "with_features"]
