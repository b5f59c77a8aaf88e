"""What the choice of examples does to the values of a cell: outcomes of single examples meet the cells.

All checkpoints are scored on the same examples, downstream and upstream, so neither the spread between runs nor the
scatter about the line shows what other examples would change for all of them alike (``example_spread.py``). Where both
axes are measured on the same text, as under two sets of masks, what they share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.results.outcomes import read_outcomes
from harness.results.record import Record
from harness.results.rows import Row
from harness.results.store import CONTEXTS, read_lines
from harness.slopes.cell import Axis, Cell, ExampleErrors
from harness.slopes.censoring import uncensored
from harness.slopes.join import Column, columns, usable
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.refusals import refusals

Totals = dict[tuple[str, str], tuple[Array, Array, Array]]
"""(key, metric) to clusters, summed outcomes and summed weights of each cluster."""
OUTCOMES = {"accuracy": "correct"}
"""What the outcomes of a metric are called, where not as the metric itself."""
Measured = Mapping[str, Mapping[str, Column]]
"""Task, then metric, then checkpoint, to its records."""


def with_example_errors(cells: Sequence[Cell], records: Sequence[Record], folder: Path) -> list[Cell]:
    """Cells with ``examples``, where the folder holds the outcomes of every checkpoint downstream and they give its value.

    Metrics that are no ratio of sums (a correlation, F1) have none.
    """
    wanted = {outcomes_of(record) for record in records if record.stage == "selected" and record.error is None}
    totals = totals_of(folder, wanted)
    if not totals:
        return list(cells)
    measured = columns(records, {axis.task for cell in cells for axis in (cell.upstream, cell.downstream)})
    contexts = {line["context"]: line.get("parts", {}) for line in read_lines(folder / CONTEXTS)}
    return [replace(cell, examples=errors_of(cell, measured, totals, contexts)) for cell in cells]


def outcomes_of(record: Record | Row) -> tuple[str, str]:
    """The key and the name under which a record's outcomes are kept."""
    return record.key, OUTCOMES.get(record.metric, record.metric)


def errors_of(
    cell: Cell, measured: Measured, totals: Totals, contexts: Mapping[str, Mapping[str, Any]]
) -> ExampleErrors | None:
    """The covariances of one cell's values, without the points at a floor or ceiling; None where they cannot be computed."""
    used, _ = uncensored(cell)
    if refusals(used):
        return None
    y = moved_by(used, used.downstream, measured, totals)
    x = moved_by(used, used.upstream, measured, totals)
    if y is None:
        return None
    if x is None:
        nothing = np.zeros((len(used.points), len(used.points)))
        return ExampleErrors(y.influence @ y.influence.T, nothing, nothing)
    return example_errors(y.influence, x.influence, paired=y.same_examples(x, contexts))


def example_errors(y: Array, x: Array, *, paired: bool) -> ExampleErrors:
    """Covariances from how far each cluster of examples moves each checkpoint.

    Args:
        y: (n, E) of the downstream values.
        x: (n, F) of the upstream values.
        paired: whether both are of the same clusters in the same order.
    """
    return ExampleErrors(y @ y.T, x @ x.T, x @ y.T if paired else np.zeros((len(y), len(y))))


@dataclass(frozen=True, slots=True)
class Moved:
    """How far each cluster of examples (E) moves the value of each checkpoint (n, E), from which measurement."""

    influence: Array
    clusters: Array
    context: str

    def same_examples(self, other: Moved, contexts: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether both are measured on the same documents: of one fingerprint, cut alike."""
        parts = [contexts.get(found.context, {}) for found in (self, other)]
        text = [
            (part.get("data"), part.get("task", {}).get("kind"), part.get("task", {}).get("text")) for part in parts
        ]
        return bool(parts[0]) and text[0] == text[1] and np.array_equal(self.clusters, other.clusters)


def moved_by(cell: Cell, axis: Axis, measured: Measured, totals: Totals) -> Moved | None:
    """What examples do to the values on one axis; None where a checkpoint lacks outcomes or was scored on other examples."""
    column = measured.get(axis.task, {}).get(axis.metric, {})
    kept = usable({point.checkpoint: column.get(point.checkpoint, []) for point in cell.points})
    rows = [[record for record in found if outcomes_of(record) in totals] for found in kept.values()]
    if not all(rows):
        return None
    clusters = totals[outcomes_of(rows[0][0])][0]
    seeds = max(len(found) for found in rows)
    outcome, weight = (np.full((len(rows), seeds, clusters.size), np.nan) for _ in range(2))
    for i, found in enumerate(rows):
        for s, record in enumerate(found):
            theirs, out, of = totals[outcomes_of(record)]
            ratio = float(out.sum() / of.sum()) if of.sum() else np.nan
            if not np.array_equal(theirs, clusters) or not math.isclose(
                ratio, record.value or 0.0, rel_tol=1e-6, abs_tol=1e-9
            ):
                return None
            outcome[i, s], weight[i, s] = out, of
    return Moved(influence(outcome, weight), clusters, rows[0][0].context)


def influence(outcome: Array, weight: Array) -> Array:
    """How far each cluster moves the mean over seeds of sum(outcome) / sum(weight), (n, E).

    (o_e - m w_e) / sum(w) for a seed with metric m. The sum over clusters of its products is what a bootstrap of
    clusters, the same for all checkpoints, gives for the covariance, to first order.

    Args:
        outcome: (n, S, E) sum of outcomes of each of E clusters of examples; NaN where a checkpoint has fewer seeds.
        weight: (n, S, E) their weights, such as one an example or the tokens of a document.

    >>> hits = np.array([[[1.0, 1.0, 0.0, 0.0]]])
    >>> moved = influence(hits, np.ones((1, 1, 4)))
    >>> round(float((moved @ moved.T)[0, 0]), 6)  # p (1 - p) / E
    0.0625
    """
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(outcome).all(axis=2))
    outcome, weight = np.where(there[..., None], outcome, 0.0), np.where(there[..., None], weight, 0.0)
    total = weight.sum(axis=2, keepdims=True)
    total = np.where(total > 0, total, 1.0)
    moved = (outcome - outcome.sum(axis=2, keepdims=True) / total * weight) / total
    return np.asarray(moved.sum(axis=1) / there.sum(axis=1, keepdims=True))


def totals_of(folder: Path, wanted: set[tuple[str, str]]) -> Totals:
    """Sums by cluster of every outcome wanted that the folder holds."""
    table = read_outcomes(folder)
    if table is None:
        return {}
    keys, metrics = (np.asarray(table[name].to_pylist(), dtype=object) for name in ("key", "metric"))
    cluster, outcome, weight = (table[name].to_numpy() for name in ("cluster", "outcome", "weight"))
    begins = np.r_[True, (keys[1:] != keys[:-1]) | (metrics[1:] != metrics[:-1])]
    starts = [int(start) for start in np.flatnonzero(begins)] if keys.size else []
    found: Totals = {}
    for start, end in zip(starts, [*starts[1:], keys.size], strict=True):
        name = (str(keys[start]), str(metrics[start]))
        if name in wanted:
            labels, where = np.unique(cluster[start:end], return_inverse=True)
            totals, weights = (np.bincount(where, part[start:end]).astype(np.float64) for part in (outcome, weight))
            found[name] = (labels, totals, weights)
    return found
