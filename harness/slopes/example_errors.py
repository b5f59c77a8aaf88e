"""What the choice of test examples does to a slope: outcomes of single examples meet the cells.

All checkpoints are scored on the same examples, so neither the spread between runs nor the scatter about the line shows
what another sample of examples would change for all of them alike. What it changes for each by itself they do show:
the two are told apart, so that nothing is counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.results.outcomes import read_outcomes
from harness.results.record import Record
from harness.slopes.cell import Cell, ExampleErrors
from harness.slopes.censoring import uncensored
from harness.slopes.nested_bootstrap import Positions, nested_bootstrap
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.rules import refusals

Totals = dict[tuple[str, str], tuple[Array, Array, Array]]
"""(key, metric) to clusters, summed outcomes and summed weights of each cluster."""


def with_example_errors(cells: Sequence[Cell], records: Sequence[Record], folder: Path) -> list[Cell]:
    """Cells with ``examples``, where the folder holds the outcomes of every checkpoint and they give its value.

    Metrics that are no ratio of sums (a correlation, F1) have none.
    """
    wanted = {(record.key, record.metric) for record in records if record.stage == "selected" and record.error is None}
    totals = totals_of(folder, wanted)
    if not totals:
        return list(cells)
    measured: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if (record.key, record.metric) in totals:
            measured.setdefault((record.task, record.metric, record.checkpoint), []).append(record)
    return [replace(cell, examples=errors_of(cell, measured, totals)) for cell in cells]


def errors_of(
    cell: Cell, measured: Mapping[tuple[str, str, str], list[Record]], totals: Totals
) -> ExampleErrors | None:
    """The errors of one cell's slope, without the points at a floor or ceiling; None where they cannot be computed."""
    used, _ = uncensored(cell)
    if refusals(used):
        return None
    arrays = outcomes_of(used, measured, totals)
    if arrays is None:
        return None
    x = np.array([point.x for point in used.points])
    runs = {run: number for number, run in enumerate(dict.fromkeys(point.run for point in used.points))}
    run = np.array([runs[point.run] for point in used.points], dtype=np.intp)
    return example_errors(x, *arrays, run)


def example_errors(x: Array, outcome: Array, weight: Array, run: Positions) -> ExampleErrors:
    """All of the error by a bootstrap of examples, and what runs share of it: the rest is each run's own."""
    stderr = nested_bootstrap(x, outcome, weight, run, ("examples",)).stderr
    return ExampleErrors(stderr, max(stderr**2 - own_variance(x, outcome, weight, run), 0.0) ** 0.5)


def own_variance(x: Array, outcome: Array, weight: Array, run: Positions) -> float:
    """Variance of the slope by what the choice of examples does to each run alone.

    With d_ie how far cluster e of examples moves the metric of checkpoint i, and u_ie what a line through d_e leaves of
    it: sum over e and runs r of (sum over i in r of c_i u_ie)², c_i = (x_i - mean) / sum of squares, times R / (R - 2)
    for the two that every line takes. What the lines hold is shared by all.

    Args:
        x: (n,) upstream values.
        outcome: (n, S, E) as in ``nested_bootstrap``.
        weight: (n, S, E) likewise.
        run: (n,) number of each point's run.
    """
    there: Array = np.asarray(np.isfinite(outcome).all(axis=2))
    outcome, weight = np.where(there[..., None], outcome, 0.0), np.where(there[..., None], weight, 0.0)
    total = weight.sum(axis=2, keepdims=True)
    metric = outcome.sum(axis=2, keepdims=True) / np.where(total > 0, total, 1.0)
    moved = (outcome - metric * weight) / np.where(total > 0, total, 1.0)
    moved = moved.sum(axis=1) / there.sum(axis=1, keepdims=True)
    centred = x - x.mean()
    share = centred / (centred @ centred)
    left = moved - moved.mean(axis=0) - centred[:, None] * (share @ moved)
    count = int(run.max()) + 1
    by_run = (run[:, None] == np.arange(count)).T.astype(np.float64) @ (share[:, None] * left)
    return float(np.sum(by_run**2)) * count / max(count - 2, 1)


def outcomes_of(
    cell: Cell, measured: Mapping[tuple[str, str, str], list[Record]], totals: Totals
) -> tuple[Array, Array] | None:
    """Outcomes and weights, each (n, S, E); None where a checkpoint lacks them or was scored on other examples."""
    down = cell.downstream
    rows = [measured.get((down.task, down.metric, point.checkpoint), []) for point in cell.points]
    if not all(rows):
        return None
    clusters = totals[rows[0][0].key, down.metric][0]
    seeds = max(len(found) for found in rows)
    outcome, weight = (np.full((len(rows), seeds, clusters.size), np.nan) for _ in range(2))
    for i, found in enumerate(rows):
        for s, record in enumerate(found):
            theirs, out, of = totals[record.key, down.metric]
            ratio = float(out.sum() / of.sum()) if of.sum() else np.nan
            if not np.array_equal(theirs, clusters) or not math.isclose(
                ratio, record.value or 0.0, rel_tol=1e-6, abs_tol=1e-9
            ):
                return None
            outcome[i, s], weight[i, s] = out, of
    return outcome, weight


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
