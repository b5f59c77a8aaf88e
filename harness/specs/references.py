"""Names that one part of a suite takes from another."""

from __future__ import annotations

from harness.errors import HarnessError, nearest
from harness.results.roles import ROLES, SETTINGS
from harness.specs.source import Source
from harness.specs.suite import Claimed, Suite
from harness.specs.train_sizes import names_by_base


def check_references(suite: Suite, source: Source, names: set[str]) -> None:
    """Names that one part of a suite takes from another must exist there.

    Raises:
        HarnessError: one does not.
    """
    for number, claim in enumerate(suite.claims):
        check_claim(claim, number, suite, source, names)
    names = names | set(names_by_base(getattr(suite.tasks, role) for role in ROLES))
    for task in suite.headline:
        if task not in names:
            where = source.place(("headline", task))
            raise HarnessError(f"{where}: the suite has no task {task!r}; {nearest(task, names)}")
    for number, control in enumerate(suite.controls):
        if control.task not in names:
            where = source.place(("controls", number, "task"))
            raise HarnessError(f"{where}: the suite has no task {control.task!r}; {nearest(control.task, names)}")
    for number, only in enumerate(suite.only):
        for field, known in (("tasks", names), ("families", set(suite.families))):
            for name in getattr(only, field):
                if name not in known:
                    where = source.place(("only", number, field))
                    raise HarnessError(f"{where}: the suite has no {field} {name!r}; {nearest(name, known)}")


def check_claim(claim: Claimed, number: int, suite: Suite, source: Source, names: set[str]) -> None:
    """What a claim names must exist."""
    named = (
        ("by", claim.by, names | set(SETTINGS)), ("task", claim.task, names), ("upstream", claim.upstream, names | {""}),
        *(("families", family, set(suite.families)) for family in claim.families),
    )  # fmt: skip
    for field, value, valid in named:
        if value not in valid:
            where = source.place(("claims", number, field))
            raise HarnessError(f"{where}: the suite has no {field} {value!r}; {nearest(value, valid)}")
