"""The suites of several leaderboard folders as one, for records that are merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.roles import ROLES

LISTS = ("controls", "claims", "compare")
MAPPINGS = ("headline", "predictors")

Suite = Mapping[str, Any]
Placed = tuple[Path, Suite]
"""A suite and the folder it is from."""


def merged_suites(suites: Sequence[Placed]) -> dict[str, Any]:
    """Families, tasks and all else of all suites; what only one may say, such as the title, is the first's.

    A family of named checkpoints that two suites have is one with the checkpoints of both.

    Raises:
        HarnessError: two suites say different things under one name; it names both folders.
    """
    families = joined_families(suites)
    tasks = {role: joined_tasks(suites, role) for role in ROLES}
    found: dict[str, Any] = {
        **suites[0][1],
        "families": families,
        "tasks": {role: its for role, its in tasks.items() if its},
    }
    for name in LISTS:
        if entries := [entry for _, suite in suites for entry in suite.get(name) or ()]:
            found[name] = without_repeats(entries)
    for name in MAPPINGS:
        pairs = [(folder, key, value) for folder, suite in suites for key, value in (suite.get(name) or {}).items()]
        if pairs:
            found[name] = one_each(pairs, f"{name} of")
    if seeds := without_repeats([seed for _, suite in suites for seed in suite.get("seeds") or ()]):
        found["seeds"] = seeds
    if only := without_repeats([entry for _, suite in suites for entry in kept_to(suite, suites)]):
        found["only"] = only
    return found


def joined_families(suites: Sequence[Placed]) -> dict[str, Any]:
    """Families by name.

    Raises:
        HarnessError: one is made in two ways, or made in one suite and named in the other.
    """
    found: dict[str, Any] = {}
    origin: dict[str, Path] = {}
    for folder, suite in suites:
        for name, family in suite["families"].items():
            first = found.setdefault(name, family)
            origin.setdefault(name, folder)
            if "make" in first or "make" in family:
                if first != family:
                    raise HarnessError(
                        f"the family {name!r} is made otherwise in {origin[name]} than in {folder}; rename one, in its suite.yaml "
                        "and in the names of its checkpoints"
                    )
            else:
                both = without_repeats([*listed(first["checkpoints"]), *listed(family["checkpoints"])])
                found[name] = {"checkpoints": both}
    return found


def joined_tasks(suites: Sequence[Placed], role: str) -> list[Any]:
    """The tasks of a role, each once.

    Raises:
        HarnessError: one name stands for two specs.
    """
    entries = [
        (folder, named(entry), entry)
        for folder, suite in suites
        for entry in (suite.get("tasks") or {}).get(role) or ()
    ]
    return list(one_each(entries, f"the {role} task").values())


def one_each(entries: Sequence[tuple[Path, str, Any]], what: str) -> dict[str, Any]:
    """Name to value, where every folder that has the name agrees.

    Raises:
        HarnessError: two do not.
    """
    found: dict[str, Any] = {}
    origin: dict[str, Path] = {}
    for folder, name, value in entries:
        if found.setdefault(name, value) != value:
            raise HarnessError(
                f"{what} {name!r} differs between {origin[name]} and {folder}; rename one in its suite.yaml"
            )
        origin.setdefault(name, folder)
    return found


def kept_to(suite: Suite, suites: Sequence[Placed]) -> list[Any]:
    """What a suite keeps to some of its families; a task that others keep so, and it does not, it keeps to all its own."""
    own = list(suite.get("only") or ())
    told = {task for entry in own for task in listed(entry["tasks"])}
    others = {task for _, other in suites for entry in other.get("only") or () for task in listed(entry["tasks"])}
    has = [named(entry) for its in (suite.get("tasks") or {}).values() for entry in its]
    free = [task for task in dict.fromkeys(has) if task in others - told]
    return [*own, {"tasks": free, "families": list(suite["families"])}] if free else own


def named(entry: Any) -> str:
    """The name of an entry of a suite's tasks."""
    return str(entry["name"] if isinstance(entry, Mapping) else entry)


def listed(value: Any) -> list[Any]:
    """A list, where one name may stand for it."""
    return [value] if isinstance(value, str) else list(value)


def without_repeats(entries: Sequence[Any]) -> list[Any]:
    """Each entry once, in order; entries may be mappings."""
    found: list[Any] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found
