"""The best accuracy there is on a labelled sample of a world, kept with the accuracy of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.data.worlds import Levels, open_world
from harness.measures.measurement import Value

if TYPE_CHECKING:
    from harness.measures.session import Session


def with_levels(session: Session, task: Any, values: Sequence[Value]) -> list[Value]:
    """Accuracies with details ``bayes``, ``bayes_stderr`` and ``majority``; other values, and other data, as they are.

    ``majority`` is the share of the commonest class in the language, where it is known, and not among the scored rows,
    which ``chance`` is of.
    """
    if task.data.world is None or all(value.metric != "accuracy" for value in values):
        return list(values)
    config, split = task.data.name or "text", task.splits["score"]

    def known() -> Levels:
        return open_world(task.data.world, dict(task.data.options)).levels(config, split)

    found = session.data.once(("levels", task.name, split), known)
    levels = {"bayes": found.bayes, "bayes_stderr": found.bayes_stderr, "majority": found.majority}
    return [
        replace(value, details={**(value.details or {}), **levels}) if value.metric == "accuracy" else value
        for value in values
    ]
