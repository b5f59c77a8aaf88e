"""A baseline that takes over what results say, cell by cell, each with the reason that somebody gave.

Records are appended to the baseline's folder, whose newest measurement of a cell is what is held to; what became of each
cell stands in ``baseline.yaml``, which is what a reviewer reads.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from harness.errors import HarnessError
from harness.regress.baseline import Baseline, Change
from harness.regress.cell import Answer, Name
from harness.regress.compare import Comparison
from harness.regress.pairing import selected
from harness.regress.side import names_of
from harness.results import CheckpointInfo, Record, Store
from harness.results.outcomes import copy_outcomes, join_shards

HEADER = "# What results are held to: see docs/regression.md. 'harness baseline update' writes the changes, each with its reason.\n"
SECTION = re.compile(r"^changes:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
STANDS = ("worse", "missing", "incomparable")
"""Verdicts that a baseline is updated for, where nothing else is asked."""


@dataclass(frozen=True)
class Wish:
    """What is to be taken over, and why.

    Attributes:
        reason: who reads the file later finds it there.
        only: patterns of cells; with one, cells are taken over whatever their verdict, and new ones too.
        aliases: names of the results' checkpoints to those of the baseline.
        date: of the change.
    """

    reason: str
    only: Sequence[Name]
    aliases: dict[str, str]
    date: datetime.date


def changes_of(comparison: Comparison, wish: Wish) -> list[Change]:
    """What would be changed: cells that fail, or those that are asked for.

    Raises:
        HarnessError: there is no reason, or nothing to change.
    """
    if not wish.reason.strip():
        raise HarnessError("--reason is empty; say in a sentence why the baseline may change")
    stored = [answer for answer in comparison.answers if answer.group in ("metric", "loss", "flatness")]
    found = [change_of(answer, wish) for answer in stored if asked(answer, wish)]
    if wish.only:
        found += [entry(name, "replaced", wish) for name in comparison.new if selected(name, wish.only)]
    if not found:
        raise HarnessError(f"nothing to update: no cell of {comparison.baseline} fails or fits what was asked for")
    return found


def asked(answer: Answer, wish: Wish) -> bool:
    """Whether a cell is to be changed; one that was let go already is not let go again."""
    if answer.verdict == "accepted":
        return False
    return selected(answer.name, wish.only) if wish.only else answer.verdict in STANDS


def change_of(answer: Answer, wish: Wish) -> Change:
    """The change of one cell: measured anew, or let go."""
    found = answer.tested
    values = (None, None) if found is None else (found.before, found.now)
    return entry(answer.name, "gone" if answer.verdict == "missing" else "replaced", wish, *values)


def entry(name: Name, state: Any, wish: Wish, was: float | None = None, now: float | None = None) -> Change:
    """A change of a cell."""
    return Change(
        task=name.task, metric=name.metric, checkpoint=name.checkpoint, state=state, reason=wish.reason.strip(),
        date=wish.date, was=was, now=now,
    )  # fmt: skip


def update(baseline: Baseline, results: Path, changes: Sequence[Change], wish: Wish) -> int:
    """Write changes: the records of cells that are replaced, then the file; returns how many records.

    Raises:
        HarnessError: the folder cannot be written.
    """
    wanted = {(change.task, change.checkpoint) for change in changes if change.state == "replaced"}
    source = Store(results)
    records = [record for record in source.records if record.error is None and taken(source, record, wanted, wish)]
    infos = {record.checkpoint: source.checkpoints.get(record.checkpoint) for record in records}
    with Store.writing(baseline.folder) as writer:
        keys = {record.key for record in records}
        copy_outcomes(results, baseline.folder, keys - {record.key for record in writer.store.records})
        contexts = {
            record.context: source.contexts[record.context] for record in records if record.context in source.contexts
        }
        renamed = [with_names(info, wish, writer.store) for info in infos.values() if info is not None]
        writer.add_all(records, contexts.values(), renamed)
    join_shards(baseline.folder)
    write_changes(baseline.path, (*baseline.file.changes, *changes))
    return len(records)


def taken(store: Store, record: Record, wanted: set[tuple[str, str]], wish: Wish) -> bool:
    """Whether a record belongs to a cell that is replaced."""
    return any((record.task, name) in wanted for name in names_of(store, record, wish.aliases))


def with_names(info: CheckpointInfo, wish: Wish, store: Store) -> CheckpointInfo:
    """A checkpoint under the names that the baseline calls it by, beside those it had there."""
    known = store.checkpoints.get(info.identity)
    names = tuple(wish.aliases.get(name, name) for name in info.names)
    return replace(info, names=tuple(dict.fromkeys((*(known.names if known else ()), *names))))


def write_changes(path: Path, changes: Sequence[Change]) -> None:
    """Write the list of changes into a baseline's file; all else in it, comments too, stays as it is."""
    lines = [change.model_dump(mode="json", exclude_none=True) for change in changes]
    section = yaml.safe_dump({"changes": lines}, sort_keys=False, allow_unicode=True, width=120)
    text = path.read_text(encoding="utf-8") if path.is_file() else HEADER
    kept = SECTION.sub("", text).rstrip("\n")
    beside = path.with_name(path.name + ".new")
    beside.write_text(f"{kept}\n{section}" if kept else section, encoding="utf-8")
    beside.replace(path)
