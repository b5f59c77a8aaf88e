"""A suite and its tasks, from the folder of a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.roles import ROLES
from harness.specs.chains import check_chains, check_made
from harness.specs.domains import in_domains
from harness.specs.load import build_task, derived_name, kinds, load_protocol, load_tasks, resolve_includes
from harness.specs.model import check
from harness.specs.references import check_references
from harness.specs.source import Source, read_yaml
from harness.specs.suite import Suite
from harness.specs.task import Task
from harness.specs.train_sizes import FIELD, at_size, sizes_of


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
    made = {name: family.make for name, family in suite.families.items() if family.make}
    check_made(made, source)
    check_chains(made, source)
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
        return load_tasks(entry, folder=source.path.parent)
    except HarnessError as error:
        raise HarnessError(f"{source.place(location)}: {error}") from None


def derive_tasks(source: Source, others: Mapping[str, Task] | None = None) -> list[Task]:
    """The tasks that an entry of a suite stands for: one, or one for each domain of its spec and each of its ``train_rows``.

    Raises:
        HarnessError: a fault in the entry or in what it includes.
    """
    sizes = sizes_of(source) if FIELD in source.value else ()
    entry = {field: value for field, value in source.value.items() if field != FIELD}
    merged = resolve_includes(Source(source.path, entry, source.places))
    found = in_domains(merged, derived_name(source))
    sized = [pair for name, one in found for pair in at_sizes(one, name, sizes)]
    return [build_task(one, name, others) for name, one in sized]


def at_sizes(spec: Source, name: str, sizes: Sequence[int | str]) -> list[tuple[str, Source]]:
    """Name and spec of a task at each train size; as it is where there are none."""

    def protocol(name: str) -> dict[str, Any]:
        return load_protocol(name, spec).definition()

    kind = kinds().get(spec.value.get("kind"))
    if not sizes or kind is None:
        return [(name, spec)]
    return [(f"{name}@{size}", at_size(spec, size, kind, protocol)) for size in sizes]
