"""Templates over the columns of a row: Jinja in its sandbox, which runs no code and opens no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import HarnessError

LONGEST = 10_000
COLUMN = re.compile(r"^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$")
EXPRESSION = re.compile(r"^\{\{(.*)\}\}$", re.DOTALL)


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox: a column that is missing is an error, nothing can be imported."""
    found = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    found.filters["remove_between"] = remove_between
    return found


def remove_between(text: str, first: str, last: str) -> str:
    """A filter: the text without what stands between two marks, the marks included, each up to the next ``last``.

    >>> remove_between("Peel [step] it [title] now", "[", "]")
    'Peel  it  now'
    """
    return re.sub(f"{re.escape(first)}.*?{re.escape(last)}", "", text)


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


def expression(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function from a row to a value of any type: ``source`` is the name of a column, or one ``{{ expression }}``.

    >>> expression("{{ choices.label.index(answer) }}")({"choices": {"label": ["A", "B"]}, "answer": "B"})
    1

    Raises:
        HarnessError: the expression is no Jinja, or on reading a row it has no value.
    """
    inner = EXPRESSION.match(source)
    if not inner:
        return lambda row: row[source]
    try:
        ready = environment().compile_expression(inner[1].strip(), undefined_to_none=False)
    except TemplateError as error:
        raise HarnessError(f"expression {source!r}: {error}") from None

    def value(row: Mapping[str, Any]) -> Any:
        try:
            found = ready(row)
        except Exception as error:
            raise HarnessError(f"expression {source!r}: {error}") from None
        if isinstance(found, Undefined):
            raise HarnessError(f"expression {source!r} has no value; look at the names after its dots")
        return found

    return value


def columns_of_expression(source: str) -> set[str]:
    """The columns that :func:`expression` reads.

    >>> columns_of_expression("endings"), columns_of_expression("{{ choices.text }}")
    ({'endings'}, {'choices'})
    """
    return columns_of(source) if EXPRESSION.match(source) else {source}
