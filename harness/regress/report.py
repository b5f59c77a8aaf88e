"""A comparison as plain rows, and the sentences that stand beside them."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from harness.regress.cell import Answer, Flips, status_of
from harness.regress.compare import Comparison

MOST_NAMED = 12


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row for each answer, of numbers, strings, None and lists, so that it can stand in JSON."""
    return [row(answer) for answer in comparison.answers]


def row(answer: Answer) -> dict[str, Any]:
    """What is said of one cell; ``gain`` and its interval are positive for the better, in ``unit``."""
    found = answer.tested
    plain = {
        "task": answer.name.task, "metric": answer.name.metric, "checkpoint": answer.name.checkpoint, "group": answer.group,
        "verdict": answer.verdict, "fails": answer.fails, "gated": answer.gated, "text": answer.text, "needed": answer.needed or None,
    }  # fmt: skip
    if found is None:
        return plain
    difference, moved = found.difference, found.flips
    return {
        **plain, "unit": found.unit, "before": found.before, "now": found.now, "gain": found.gain, "stderr": finite(difference.stderr),
        "low": answer.low, "high": answer.high, "tolerance": found.margin, "tolerance_because": found.tolerance.because,
        "p_worse": answer.p_worse, "p_better": answer.p_better, "method": difference.method, "examples": difference.examples or None,
        "seeds": difference.seeds or None, "note": found.note or None,
        "flipped": None if moved is None else {
            "worse": list(moved.worse), "better": list(moved.better), "n_worse": moved.n_worse, "n_better": moved.n_better,
            "scored": moved.scored,
        },
    }  # fmt: skip


def finite(value: float | None) -> float | None:
    """A number that may stand in JSON."""
    return value if value is not None and math.isfinite(value) else None


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison."""
    return {
        "baseline": str(comparison.baseline), "results": str(comparison.results), "status": status_of(comparison.answers),
        "counts": dict(Counter(answer.verdict for answer in comparison.answers)), "cells": rows(comparison),
        "new": [{"task": n.task, "metric": n.metric, "checkpoint": n.checkpoint} for n in comparison.new],
    }  # fmt: skip


def headline(comparison: Comparison) -> str:
    """All of it in one line."""
    counts = Counter(answer.verdict for answer in comparison.answers)
    failing = sum(answer.fails for answer in comparison.answers)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    more = f"; {len(comparison.new)} new" if comparison.new else ""
    said = {0: "nothing regressed", 1: "regressed", 2: "cells are missing or incomparable"}[
        status_of(comparison.answers)
    ]
    return f"{said}: {told}{more}" + (f"; {failing} of them fail" if failing else "")


def change_text(answer: Answer) -> str:
    """Before and now, with the interval of the gain.

    A cell that cannot be compared has none.
    """
    found = answer.tested
    if found is None:
        return ""
    told = f"{found.before:.5g} -> {found.now:.5g}"
    return told if answer.low is None else f"{told} [{answer.low:+.3g}, {answer.high:+.3g}]"


def flips_text(moved: Flips | None) -> str:
    """The rows that moved, in words.

    >>> flips_text(Flips((9, 5), (8,), 2, 1, 100))
    'rows that got worse: 9, 5; better: 8 (2 and 1 of 100)'
    """
    if moved is None or not moved.n_worse + moved.n_better:
        return ""
    parts = [named(rows, count) for rows, count in ((moved.worse, moved.n_worse), (moved.better, moved.n_better))]
    return (
        f"rows that got worse: {parts[0]}; better: {parts[1]} ({moved.n_worse} and {moved.n_better} of {moved.scored})"
    )


def named(found: tuple[int, ...], count: int) -> str:
    """The first rows.

    >>> named((4, 2), 2), named((), 0)
    ('4, 2', 'none')
    """
    return ", ".join(map(str, found[:MOST_NAMED])) + (", ..." if count > MOST_NAMED else "") or "none"


def why_text(answer: Answer) -> str:
    """The reason, and what would decide it."""
    return f"{answer.text}; to decide: {answer.needed}" if answer.needed else answer.text
