"""YAML files read with the line of every value, so that an error can name file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from harness.errors import HarnessError

LARGEST_FILE = 1_000_000
Location = tuple[str | int, ...]


OWN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "timestamp"))


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader with YAML 1.2's scalars: ``2e-5`` is a number, ``no``, ``on`` and ``10:30:10`` are words."""

    yaml_implicit_resolvers: ClassVar[dict] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in OWN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0b[01_]+|0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf)$|^\.nan$"),
    list("-+.0123456789"),
)


@dataclass(frozen=True)
class Source:
    """The content of a YAML file and where each value stands: location -> (file, line)."""

    path: Path
    value: Any
    places: Mapping[Location, tuple[Path, int]] = field(default_factory=dict)

    def place(self, location: Location) -> str:
        """``file:line`` of a value, or of the nearest part of the file that holds it."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.places:
                path, line = self.places[location[:end]]
                return f"{path}:{line}"
        return f"{self.path}:1"


def read_yaml(path: Path) -> Source:
    """Read one file.

    Raises:
        HarnessError: the file is missing, too large, no YAML, has a repeated key or uses an alias.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise HarnessError(f"{path}: {path.stat().st_size:,} bytes; a spec has at most {LARGEST_FILE:,}")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> Source:
    """Parse the text of a file that stands at ``path``.

    Raises:
        HarnessError: as for :func:`read_yaml`.
    """
    loader = Loader(text)
    try:
        root = loader.get_single_node()
        places: dict[Location, tuple[Path, int]] = {}
        _index(root, (), path, places, set())
        value = loader.construct_document(root) if root is not None else None
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise HarnessError(f"{path}:{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}:1: not a spec: {error}") from None
    finally:
        loader.dispose()
    return Source(path, value, places)


def _index(node: Any, location: Location, path: Path, places: dict[Location, tuple[Path, int]], seen: set[int]) -> None:
    """Note the line of every value; refuse what a spec has no need of."""
    if node is None:
        return
    if id(node) in seen:
        raise HarnessError(f"{path}:{node.start_mark.line + 1}: an alias (*name); write the value out, or use include:")
    seen.add(id(node))
    places.setdefault(location, (path, node.start_mark.line + 1))
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            _index(child, (*location, number), path, places, seen)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            here = (*location, str(key.value))
            if here in places:
                raise HarnessError(f"{path}:{key.start_mark.line + 1}: {key.value!r} stands twice; keep one")
            places[here] = (path, key.start_mark.line + 1)
            _index(child, here, path, places, seen)


def merge(base: Source, over: Source) -> Source:
    """``over`` on top of ``base``: a field given above replaces the one below whole.

    Other data or splits have other rows, so the expected counts do not carry over.
    """
    below = dict(base.value)
    if {"data", "splits"} & set(over.value):
        below.pop("rows", None)
    kept = {place: where for place, where in base.places.items() if place and place[0] not in over.value}
    return Source(over.path, below | over.value, {**kept, **over.places})
