"""Templates over the columns of a row: Jinja in its sandbox, which runs no code and opens no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import HarnessError

LONGEST = 10_000
COLUMN = re.compile(r"^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$")


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox: a column that is missing is an error, nothing can be imported."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


def columns_of(template: str) -> set[str]:
    """The columns a template reads.

    >>> sorted(columns_of("{{ premise }} and {{ hypothesis | trim }}"))
    ['hypothesis', 'premise']

    Raises:
        HarnessError: the template is too long or is no Jinja.
    """
    if len(template) > LONGEST:
        raise HarnessError(f"template of {len(template):,} characters; at most {LONGEST:,}")
    try:
        return meta.find_undeclared_variables(environment().parse(template))
    except TemplateError as error:
        raise HarnessError(f"template {template!r}: {error}") from None


def compiled(template: str) -> Callable[[Mapping[str, Any]], str]:
    """A function from a row to text. A plain ``{{ column }}`` skips Jinja."""
    plain = COLUMN.match(template)
    if plain:
        name = plain[1]
        return lambda row: str(row[name])
    ready = environment().from_string(template)

    def render(row: Mapping[str, Any]) -> str:
        try:
            return ready.render(row)
        except Exception as error:
            raise HarnessError(f"template {template!r}: {error}") from None

    return render
