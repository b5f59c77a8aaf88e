"""Names that one part of a suite takes from another."""

from __future__ import annotations

from collections.abc import Collection

from harness.errors import HarnessError, nearest
from harness.results.roles import ROLES, SETTINGS
from harness.specs.several import names_by_base
from harness.specs.source import Source
from harness.specs.suite import Claimed, Compared, Suite


def check_references(suite: Suite, source: Source, names: set[str]) -> None:
    """Names that one part of a suite takes from another must exist there.

    Raises:
        HarnessError: one does not.
    """
    for number, claim in enumerate(suite.claims):
        check_claim(claim, number, suite, source, names)
    names = names | set(names_by_base((getattr(suite.tasks, role) for role in ROLES), source.path.parent))
    for field in ("headline", "predictors"):
        for task in getattr(suite, field):
            check_name(task, names, "task", source, (field, task))
    for number, comparison in enumerate(suite.compare):
        check_comparison(comparison, number, suite, source, names)
    for number, control in enumerate(suite.controls):
        for field, name, valid in (("task", control.task, names), ("upstream", control.upstream, names | {""})):
            check_name(name, valid, field, source, ("controls", number, field))
    for number, only in enumerate(suite.only):
        for field, known in (("tasks", names), ("families", set(suite.families))):
            for name in getattr(only, field):
                check_name(name, known, field, source, ("only", number, field))


def check_claim(claim: Claimed, number: int, suite: Suite, source: Source, names: set[str]) -> None:
    """What a claim names must exist."""
    named = (
        ("by", claim.by, names | set(SETTINGS)), ("task", claim.task, names), ("upstream", claim.upstream, names | {""}),
        *(("families", family, set(suite.families)) for family in claim.families),
    )  # fmt: skip
    for field, value, valid in named:
        check_name(value, valid, field, source, ("claims", number, field))


def check_comparison(comparison: Compared, number: int, suite: Suite, source: Source, names: set[str]) -> None:
    """Tasks that a comparison names must exist, and what is no pattern over checkpoints must be a family."""
    for task in comparison.tasks:
        check_name(task, names, "task", source, ("compare", number, "tasks"))
    for group, entries in comparison.groups.items():
        for entry in entries:
            if not set(entry) & set("*?["):
                check_name(entry, set(suite.families), "family", source, ("compare", number, "groups", group))


def check_name(name: str, valid: Collection[str], field: str, source: Source, location: tuple[str | int, ...]) -> None:
    """Refuse a name that the suite has not.

    Raises:
        HarnessError: with the line and the nearest name.
    """
    if name not in valid:
        place = source.place(location)
        raise HarnessError(
            f"{place}: the suite has no {field} {name!r}; {nearest(name, [one for one in valid if one])}"
        )
