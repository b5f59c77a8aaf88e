"""Options of a world, as a spec writes them, become a checked frozen dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from harness.errors import HarnessError, nearest

Options = TypeVar("Options")


def option(default: int | float, low: int | float, high: int | float) -> Any:
    """A dataclass field with its default and the closed range it may lie in."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def text_option() -> Any:
    """A dataclass field that is a text, empty by default."""
    return dataclasses.field(default="")


def parse_options(kind: type[Options], world: str, given: Mapping[str, object]) -> Options:
    """Build ``kind`` from what a spec gives; a field without a value keeps its default.

    Args:
        kind: a dataclass whose fields are all made by `option` or `text_option`.
        world: the world's name, for messages.
        given: option names and values.

    Raises:
        HarnessError: an unknown option, a value of another type, or one outside its range.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in fields:
            raise HarnessError(f"world {world!r}: found unknown option {name!r}; {nearest(str(name), fields)}")
    return kind(**{name: _checked(world, fields[name], value) for name, value in given.items()})


def _checked(world: str, field: dataclasses.Field[Any], value: object) -> int | float | str:
    if isinstance(field.default, str):
        if not isinstance(value, str):
            found = f"{value!r} ({type(value).__name__})"
            raise HarnessError(f"world {world!r}, option {field.name!r}: found {found}; expected a text")
        return value
    whole = isinstance(field.default, int)
    expected = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        found = f"{value!r} ({type(value).__name__})"
        raise HarnessError(
            f"world {world!r}, option {field.name!r}: found {found}; expected {expected}, such as {field.default}"
        )
    low, high = field.metadata["low"], field.metadata["high"]
    if not low <= value <= high:
        raise HarnessError(
            f"world {world!r}, option {field.name!r}: found {value}; expected {expected} from {low} to {high}"
        )
    return value if whole else float(value)
