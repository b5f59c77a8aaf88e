"""How a spec names its files: a list, or a mapping of columns to text files that go line by line in parallel."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Strict


def listed_or_named(value: Any) -> Any:
    """Refuse files that are neither listed nor named by column."""
    listed = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    named = isinstance(value, dict) and value and all(isinstance(part, str) for pair in value.items() for part in pair)
    if value is not None and not listed and not named:
        raise ValueError(
            f"files is {value!r}; expected a list such as [rows.jsonl], or columns such as {{source: a.de, target: a.en}}"
        )
    return value


Files = Annotated[
    Annotated[tuple[str, ...], Strict(False)] | dict[str, str] | None,
    BeforeValidator(listed_or_named, json_schema_input_type=list[str] | dict[str, str] | None),
]
