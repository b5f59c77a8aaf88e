"""Rows of a split, with the revision they have and a fingerprint of what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cache import Cache
from harness.data import hub
from harness.data.parallel_files import load_columns
from harness.data.skills import skill_rows, skill_version
from harness.data.test_sets import load_test_set, registered
from harness.data.worlds import load_world, open_world, world_revision
from harness.errors import HarnessError, nearest
from harness.results.signature import digest
from harness.specs import Data, Skill, Task
from harness.specs.skill import SPLITS as SKILL_SPLITS

FINGERPRINTS = Cache("fingerprints")


@dataclass(frozen=True, slots=True)
class Rows:
    """The columns that a task reads of one split.

    ``total`` counts the rows of the split, more than were taken where a limit stands; None where it was not counted.
    """

    columns: Mapping[str, list[Any]]
    revision: str
    fingerprint: str
    total: int | None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def load_rows(
    task: Task, split: str, columns: tuple[str, ...], *, first: int | None = None, offline: bool = False
) -> Rows:
    """Load columns of a split of a task's data; ``split`` names what it is for (train, score).

    Raises:
        HarnessError: the data, revision, split or a column does not exist, or there are no rows.
    """
    name = task.splits[split]
    try:
        table, revision, total = _table(task.data, name, columns, first, task.folder, offline)
    except KeyError as error:
        valid = error.args[1]
        raise HarnessError(f"{task.place('splits', split)}: no split {name!r}; {nearest(name, valid)}") from None
    except HarnessError as error:
        raise HarnessError(f"{task.place('data')}: {error}") from None
    for column in columns:
        if column not in table:
            raise HarnessError(f"{task.place()}: the data has no column {column!r}; {nearest(column, table)}")
    taken = {column: list(table[column]) for column in columns}
    if not columns or not taken[columns[0]]:
        raise HarnessError(f"{task.place('splits', split)}: split {name!r} has no rows; nothing can be measured on it")
    # A world's rows follow from its revision; its probabilities may differ between machines in their last digit.
    world = {"revision": revision, "name": task.data.name, "split": name, "first": first}
    portable = task.data.world is not None and open_world(task.data.world, task.data.options).portable
    fingerprint = digest(world) if portable and not task.data.skill else fingerprint_of(taken)
    FINGERPRINTS.put(address(task.data, revision, name, columns, first), fingerprint)
    return Rows(taken, revision, fingerprint, total)


def _table(
    data: Data, split: str, columns: tuple[str, ...], first: int | None, folder: Path, offline: bool
) -> tuple[Mapping[str, Any], str, int | None]:
    if data.skill is not None:
        return _skill_table(data, data.skill, split, first, folder, offline)
    if data.world is not None:
        config = data.name or "text"
        made, revision = load_world(data.world, data.options, config, split, columns, first, offline=offline)
        if set(made) != set(columns):  # one does not exist: the message lists those that do
            made, _ = load_world(data.world, data.options, config, split, None, 1, offline=offline)
        return made, revision, open_world(data.world, data.options).rows(config, split)
    if isinstance(data.files, dict):
        return load_columns({column: folder / name for column, name in data.files.items()}, split, first)
    if data.files is not None:
        return hub.load_files([folder / name for name in data.files], split, first)
    if data.test_set is not None:
        return load_test_set(data, split, columns, first, offline=offline)
    return hub.load_split(data, split, first, offline=offline)


def _skill_table(
    data: Data, skill: Skill, split: str, first: int | None, folder: Path, offline: bool
) -> tuple[Mapping[str, Any], str, int | None]:
    """Rows made from the text of a source; its revision and the generator's version are theirs."""
    if split not in SKILL_SPLITS:
        raise KeyError(split, SKILL_SPLITS)
    plain, texts, revision = data.model_copy(update={"skill": None}), [], ""
    for source in skill.splits:
        try:
            table, revision, _ = _table(plain, source, (skill.column,), skill.first, folder, offline)
        except KeyError as error:
            raise HarnessError(f"skill.splits: no split {source!r}; {nearest(source, error.args[1])}") from None
        if skill.column not in table:
            raise HarnessError(f"skill.column: the data has no column {skill.column!r}; {nearest(skill.column, table)}")
        texts += table[skill.column]
    rows = skill_rows(texts, skill, split)
    cut = {name: values[:first] for name, values in rows.items()}
    return cut, f"{revision}+{skill_version(skill)}", len(rows["text"])


def fingerprint_of(columns: Mapping[str, list[Any]]) -> str:
    """SHA-256 over the rows, column names included: two copies of a data set that say the same have the same one."""
    total = hashlib.sha256(json.dumps(sorted(columns)).encode())
    names = sorted(columns)
    for values in zip(*(columns[name] for name in names), strict=True):
        total.update(json.dumps(values, ensure_ascii=False, default=str).encode())
        total.update(b"\n")
    return total.hexdigest()


def address(data: Data, revision: str, split: str, columns: tuple[str, ...], first: int | None) -> str:
    """Where a fingerprint is cached: what was taken of which revision."""
    source = data.definition() | {"revision": revision}
    return digest({"data": source, "split": split, "columns": sorted(columns), "first": first})


def revision_of(task: Task, *, offline: bool = False) -> str | None:
    """The revision a task's data has now, without loading rows; None offline where only loading tells.

    Raises:
        HarnessError: no such data set or revision, no permission, no network; or a file is missing.
    """
    revision = _source_revision(task, offline)
    return revision if revision is None or task.data.skill is None else f"{revision}+{skill_version(task.data.skill)}"


def _source_revision(task: Task, offline: bool) -> str | None:
    if task.data.path is not None or task.data.test_set is not None:
        try:
            return hub.resolve_revision(task.data, offline=offline) if task.data.path else registered(task.data)
        except HarnessError as error:
            raise HarnessError(f"{task.place('data')}: {error}") from None
    if task.data.files is not None:
        return hub.content_hash([task.folder / name for name in task.data.file_names])
    return world_revision(task.data.world or "", task.data.options, offline=offline)


def corpus_name(data: Data, split: str, revision: str) -> str:
    """What was trained on, for people and for keeping families apart."""
    return f"{data.called}{f'/{data.name}' if data.name else ''}[{split}]@{revision[:12]}"
