"""Pairs of a text and its translation, from the rows of a task or of a corpus to train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.rows import Rows, corpus_name, load_rows
from harness.data.templates import columns_of, compiled
from harness.errors import HarnessError
from harness.specs import Pairs, ParallelText, Task
from harness.specs.load import with_files_at


@dataclass(frozen=True, slots=True)
class Pair:
    """A text, its translation, and the number of their row."""

    row: int
    source: str
    target: str


def pair_columns(pairs: Pairs) -> tuple[str, ...]:
    """The columns that pairs are made of."""
    return tuple(sorted(columns_of(pairs.source) | columns_of(pairs.target) | set(pairs.where)))


def pairs_of(pairs: Pairs, rows: Rows, place: str = "pairs") -> list[Pair]:
    """The pairs that rows hold, in order; ``place`` is where the spec says so, for messages.

    Raises:
        HarnessError: no row is as ``where`` asks, or a text is empty.
    """
    source, target = compiled(pairs.source), compiled(pairs.target)
    found = []
    for number, row in wanted(pairs, rows):
        pair = Pair(number, source(row), target(row))
        if not pair.source.strip() or not pair.target.strip():
            side = "target" if pair.source.strip() else "source"
            raise HarnessError(
                f"{place}: row {number} has an empty {side}; expected a text and its translation in every row: leave the row "
                "out with where:, or mend the data"
            )
        found.append(pair)
        if len(found) == pairs.first:
            break
    if not found:
        raise HarnessError(f"{place}: no row of {len(rows)} is as where: asks ({pairs.where})")
    return found


def wanted(pairs: Pairs, rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers and columns of the rows that are as ``where`` asks."""
    names = list(rows.columns)
    for number, values in enumerate(zip(*(rows.columns[name] for name in names), strict=True)):
        row = dict(zip(names, values, strict=True))
        if all(row[column] == value for column, value in pairs.where.items()):
            yield number, row


def corpus_pairs(parts: Sequence[ParallelText], folder: Path, offline: bool) -> tuple[list[list[Pair]], str]:
    """Pairs to train on, part by part, and the name of the corpus with revisions; files are named relative to ``folder``."""
    found, names = [], []
    for part in parts:
        task = Task(
            name="corpus", description="pairs to train on", kind="corpus", data=with_files_at(part.data, folder),
            splits={"score": part.split},
        )  # fmt: skip
        rows = load_rows(task, "score", pair_columns(part), offline=offline)
        called = corpus_name(part.data, part.split, rows.revision)
        found.append(pairs_of(part, rows, f"the corpus {called}"))
        names.append(called + (f" first {part.first} pairs" if part.first else ""))
    return found, " + ".join(names)
