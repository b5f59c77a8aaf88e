"""A suite and its tasks, from the folder of a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, nearest
from harness.results.roles import ROLES
from harness.specs.chains import check_chains
from harness.specs.load import build_task, derive_task, derived_name, kinds, load_protocol, load_task, resolve_includes
from harness.specs.model import check
from harness.specs.source import Source, read_yaml
from harness.specs.suite import Suite
from harness.specs.task import Task
from harness.specs.train_sizes import FIELD, at_size, names_by_base, sizes_of


def load_suite(folder: Path) -> tuple[Suite, dict[str, dict[str, Task]]]:
    """The suite of a leaderboard folder, and its tasks: role -> name -> task.

    Raises:
        HarnessError: no suite, a fault in it or in one of its tasks.
    """
    path = folder / "suite.yaml" if folder.is_dir() or not folder.suffix else folder
    if not path.is_file():
        raise HarnessError(f"no suite at {path}; a leaderboard folder holds suite.yaml")
    source = read_yaml(path)
    suite = check(Suite, source)
    tasks: dict[str, dict[str, Task]] = {}
    known: dict[str, Task] = {}
    for role in ROLES:
        entries = getattr(suite.tasks, role)
        built = [suite_tasks(entry, source, ("tasks", role, n), known) for n, entry in enumerate(entries)]
        tasks[role] = {task.name: task for several in built for task in several}
        known |= tasks[role]
    check_chains({name: family.make for name, family in suite.families.items() if family.make}, source)
    check_references(suite, source, {name for named in tasks.values() for name in named})
    return suite, tasks


def suite_tasks(
    entry: str | dict[str, Any], source: Source, location: tuple[str | int, ...], known: Mapping[str, Task]
) -> list[Task]:
    """Tasks of one entry of a suite's tasks, which may name those that are known; an error names its line."""
    if isinstance(entry, dict):
        under = {
            place[len(location) :]: where
            for place, where in source.places.items()
            if place[: len(location)] == location
        }
        return derive_tasks(Source(source.path, entry, under), known)
    try:
        return [load_task(entry, folder=source.path.parent)]
    except HarnessError as error:
        raise HarnessError(f"{source.place(location)}: {error}") from None


def check_references(suite: Suite, source: Source, names: set[str]) -> None:
    """Names that one part of a suite takes from another must exist there.

    Raises:
        HarnessError: one does not.
    """
    names |= set(names_by_base(getattr(suite.tasks, role) for role in ROLES))
    for task in suite.headline:
        if task not in names:
            where = source.place(("headline", task))
            raise HarnessError(f"{where}: the suite has no task {task!r}; {nearest(task, names)}")
    for number, control in enumerate(suite.controls):
        if control.task not in names:
            where = source.place(("controls", number, "task"))
            raise HarnessError(f"{where}: the suite has no task {control.task!r}; {nearest(control.task, names)}")
    for number, only in enumerate(suite.only):
        for field, known in (("tasks", names), ("families", set(suite.families))):
            for name in getattr(only, field):
                if name not in known:
                    where = source.place(("only", number, field))
                    raise HarnessError(f"{where}: the suite has no {field} {name!r}; {nearest(name, known)}")


def derive_tasks(source: Source, others: Mapping[str, Task] | None = None) -> list[Task]:
    """The tasks that an entry of a suite stands for: one, or one for each of its ``train_rows``.

    Raises:
        HarnessError: a fault in the entry or in what it includes.
    """
    if not isinstance(source.value, dict) or FIELD not in source.value:
        return [derive_task(source, others)]
    sizes, name = sizes_of(source), derived_name(source)
    entry = {field: value for field, value in source.value.items() if field != FIELD}
    merged = resolve_includes(Source(source.path, entry, source.places))
    if merged.value.get("kind") not in kinds():
        return [build_task(merged, name, others)]

    def protocol(name: str) -> dict[str, Any]:
        return load_protocol(name, merged).definition()

    kind = kinds()[merged.value["kind"]]
    return [build_task(at_size(merged, size, kind, protocol), f"{name}@{size}", others) for size in sizes]
