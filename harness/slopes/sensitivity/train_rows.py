"""Tasks that are the same apart from how many rows they train on, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.results.record import Record
from harness.results.signature import digest
from harness.slopes.cell import Fit
from harness.slopes.sensitivity.options import Measure, Option, Order, Sensitivity, compared

CHOICE = "train rows"

Contexts = Mapping[str, Mapping[str, Any]]


def train_row_sensitivities(
    records: Iterable[Record], contexts: Contexts, fits: Sequence[Fit]
) -> tuple[list[Sensitivity], list[Order]]:
    """Every group of such tasks of one family, under the name of the one with most rows."""
    recipes = {name: recipe_and_rows(context.get("parts", {})) for name, context in contexts.items()}
    sizes: dict[str, set[float]] = {}
    for found in recipes.values():
        if found is not None:
            sizes.setdefault(found[0], set()).add(found[1])
    if all(len(found) < 2 for found in sizes.values()):
        return [], []
    told = {
        (record.task, record.checkpoint): recipes[record.context]
        for record in records
        if record.stage == "selected" and record.error is None and recipes.get(record.context) is not None
    }
    groups: dict[tuple[str, str], dict[tuple[str, str], dict[float, Fit]]] = {}
    for fit in fits:
        used = {told.get((fit.cell.downstream.task, point.checkpoint)) for point in fit.cell.points}
        if len(used) == 1 and (recipe := used.pop()) is not None:
            measures = groups.setdefault((fit.cell.family, fit.cell.upstream.title), {})
            measures.setdefault((recipe[0], fit.cell.downstream.metric), {})[recipe[1]] = fit
    answers: list[Sensitivity] = []
    orders: list[Order] = []
    for (family, upstream), measures in groups.items():
        more, alike = compared(CHOICE, family, upstream, dict(map(side_by_side, measures.values())))
        answers, orders = answers + more, orders + alike
    return answers, orders


def side_by_side(fits: Mapping[float, Fit]) -> tuple[Measure, list[Option]]:
    """Fits by train rows, fewest first, under the name of the task with most."""
    largest = fits[max(fits)].cell.downstream
    return (largest.task, largest.metric), [Option(named(rows), fits[rows]) for rows in sorted(fits)]


def named(rows: float) -> str:
    """A train size in words."""
    return "all rows" if math.isinf(rows) else f"{rows:,.0f} rows"


def recipe_and_rows(parts: Mapping[str, Any]) -> tuple[str, float] | None:
    """What a fine-tuned number was made of, without the task's name and train size, as a hash; and the train size.

    Infinity stands for all rows. None where there was no training, and for one run of a grid.
    """
    policy = parts.get("policy") or {}
    if "protocol" not in policy or "stage" in parts:
        return None
    protocol = dict(policy["protocol"])
    rows = protocol.pop("train_rows", None)
    task = {name: value for name, value in (parts.get("task") or {}).items() if name != "name"}
    return digest({**parts, "task": task, "policy": {**policy, "protocol": protocol}}), float(rows or math.inf)
