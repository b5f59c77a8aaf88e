"""An entry of a suite that is several tasks: one for each domain of its spec, one for each of its ``train_rows``.

What a suite says of the entry's own name it says of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.specs.domains import FIELD as DOMAINS
from harness.specs.domains import domain_names
from harness.specs.load import find, resolve_includes, shown
from harness.specs.source import Source, read_yaml
from harness.specs.train_sizes import names_at_sizes

Entry = str | Mapping[str, Any]


def base_of(entry: Entry) -> str:
    """The name that an entry is written under."""
    return shown(entry) if isinstance(entry, str) else entry["name"]


def names_of(entry: Entry, folder: Path) -> tuple[str, ...]:
    """Names of the tasks that an entry stands for, in a suite of that folder; its specs are read and not checked.

    Raises:
        HarnessError: its train sizes are no list.
    """
    base = base_of(entry)
    names = [f"{base}/{domain}" for domain in domains_of(entry, folder)] or [base]
    return tuple(one for name in names for one in names_at_sizes(entry, name))


def domains_of(entry: Entry, folder: Path) -> tuple[str, ...]:
    """The domains of an entry's spec; none where it is one task, or where loading it will tell what is wrong with it."""
    if isinstance(entry, Mapping) and not {"include", DOMAINS} & set(entry):
        return ()
    try:
        if isinstance(entry, Mapping):
            return domain_names(resolve_includes(Source(folder / "suite.yaml", dict(entry))))
        path, _, domain = find(entry, folder)
        source = resolve_includes(read_yaml(path))
        return () if domain or not isinstance(source.value, dict) else domain_names(source)
    except HarnessError:
        return ()


def names_by_base(roles: Iterable[Iterable[Entry]], folder: Path) -> dict[str, tuple[str, ...]]:
    """The name an entry of several tasks is written under -> its tasks."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in (entry for entries in roles for entry in entries):
        base, names = base_of(entry), names_of(entry, folder)
        if names != (base,):
            found[base] = tuple(dict.fromkeys((*found.get(base, ()), *names)))
    return found


def spelled_out(names: Mapping[str, Any], bases: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What is said of tasks, said of each that an entry stands for; what is said of one wins.

    >>> spelled_out({"a": 1, "a@5": 2, "b": 3}, {"a": ("a@5", "a@full")})
    {'a@5': 2, 'a@full': 1, 'b': 3}
    """
    found = {one: value for name, value in names.items() for one in bases.get(name, ())}
    return found | {name: value for name, value in names.items() if name not in bases}
