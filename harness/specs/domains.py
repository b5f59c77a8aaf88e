"""Domains of a task: ``domains: {news: {...}, medical: {...}}`` in a spec is one task for each, ``NAME/news`` and ``NAME/medical``.

What a domain says stands over what the spec says of all of them; nothing in the definition of one depends on the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Any, Literal

from pydantic import Field, create_model

from harness.errors import HarnessError, nearest
from harness.specs.kinds import KINDS
from harness.specs.model import Spec
from harness.specs.source import Source, merge
from harness.specs.translation import TranslationTask

FIELD = "domains"
WITH_DOMAINS: dict[str, type[Spec]] = {"translation": TranslationTask}
"""Kinds of ours whose specs may have domains; one of a plug-in may have them too."""
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
OF_THE_WHOLE = ("name", "kind", "include", FIELD)
"""What no domain says for itself."""


def domain_names(source: Source) -> tuple[str, ...]:
    """Names of the domains of a spec, its includes merged; none where it is one task.

    Raises:
        HarnessError: the kind has no domains, or they are no mapping of names to what differs.
    """
    if FIELD not in source.value:
        return ()
    place, kind, domains = source.place((FIELD,)), source.value.get("kind"), source.value[FIELD]
    if not isinstance(domains, Mapping) or not domains:
        raise HarnessError(
            f"{place}: domains is {domains!r}; expected a mapping such as news: {{data: ..., splits: ...}}"
        )
    if kind in KINDS and kind not in WITH_DOMAINS:
        raise HarnessError(
            f"{place}: a task of kind {kind} has no domains; those of kind {', '.join(WITH_DOMAINS)} have"
        )
    for name, said in domains.items():
        check_domain(source, name, said)
    return tuple(domains)


def check_domain(source: Source, name: Any, said: Any) -> None:
    """Refuse a domain that cannot be named, or that says what only the whole spec may say.

    Raises:
        HarnessError: with the line of the domain.
    """
    place = source.place((FIELD, str(name)))
    if not isinstance(name, str) or not NAME.match(name):
        raise HarnessError(f"{place}: a domain named {name!r}; expected letters, digits, ., _ and -, such as news")
    if said is not None and not isinstance(said, Mapping):
        raise HarnessError(
            f"{place}: the domain {name} is {said!r}; expected what differs, such as {{data: ..., splits: ...}}"
        )
    for field in OF_THE_WHOLE:
        if field in (said or {}):
            raise HarnessError(
                f"{source.place((FIELD, name, field))}: {field} stands in a domain; say it of the whole spec"
            )


def in_domain(source: Source, name: str) -> Source:
    """The spec of one domain, as if it had been written alone.

    Raises:
        HarnessError: no such domain.
    """
    names = domain_names(source)
    if name not in names:
        told = nearest(name, names) if names else "it is one task"
        raise HarnessError(f"{source.place((FIELD,))}: no domain {name!r}; {told}")
    above = {place[2:]: where for place, where in source.places.items() if place[:2] == (FIELD, name)}
    whole = {field: value for field, value in source.value.items() if field != FIELD}
    kept = {place: where for place, where in source.places.items() if place[:1] != (FIELD,)}
    return merge(Source(source.path, whole, kept), Source(source.path, dict(source.value[FIELD][name] or {}), above))


def in_domains(source: Source, name: str) -> list[tuple[str, Source]]:
    """Name and spec of every task that a spec stands for, its includes merged.

    Raises:
        HarnessError: as for :func:`domain_names`.
    """
    if not isinstance(source.value, dict):
        return [(name, source)]
    domains = domain_names(source)
    return [(f"{name}/{domain}", in_domain(source, domain)) for domain in domains] or [(name, source)]


def said_of_all(base: Source, over: Source) -> Source:
    """The base of a spec that includes it, without what its domains say of fields which the spec above says anew.

    ``include:`` with ``decoding:`` changes the decoding of every domain, and ``data:`` its data.
    """
    domains = base.value.get(FIELD) if isinstance(base.value, dict) else None
    if not isinstance(domains, Mapping) or FIELD in over.value:
        return base
    said = set(over.value) | ({"rows"} if {"data", "splits"} & set(over.value) else set())
    left = {name: {field: value for field, value in (one or {}).items() if field not in said}
            for name, one in domains.items() if one is None or isinstance(one, Mapping)}  # fmt: skip
    places = {place: where for place, where in base.places.items()
              if not (place[:1] == (FIELD,) and len(place) > 2 and place[2] in said)}  # fmt: skip
    return Source(base.path, {**base.value, FIELD: {**domains, **left}}, places)


def with_domains(kind: str) -> type[Spec]:
    """The class of a spec of a kind that has domains; for the schema that editors read."""
    one: Any = create_model(f"{kind.capitalize()}Domain", __base__=Spec, **left_out(WITH_DOMAINS[kind]))
    domains = Field(min_length=1, description="domain -> what differs: a task for each, NAME/DOMAIN")
    whole = {**left_out(WITH_DOMAINS[kind]), "kind": (Literal[kind], ...), FIELD: (dict[str, one], domains)}
    return create_model(f"{kind.capitalize()}Domains", __base__=Spec, **whole)  # type: ignore[call-overload, no-any-return]


def left_out(kind: type[Spec]) -> dict[str, Any]:
    """The fields of a kind, each of which may be left out: another part of the spec has them."""
    found = {}
    for name, field in kind.model_fields.items():
        if name not in OF_THE_WHOLE:
            optional = copy(field)
            optional.default = None if field.is_required() else field.default
            found[name] = (field.annotation, optional)
    return found
