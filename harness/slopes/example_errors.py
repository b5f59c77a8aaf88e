"""What the choice of test examples does to a slope: outcomes of single examples meet the fits.

All checkpoints are scored on the same examples, so neither the spread between runs nor the scatter about the line shows
what another sample of examples would change for all of them alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.results.outcomes import read_outcomes
from harness.results.record import Record
from harness.slopes.cell import Cell, Fit
from harness.slopes.nested_bootstrap import nested_bootstrap
from harness.slopes.ordinary_least_squares import Array

Totals = dict[tuple[str, str], tuple[Array, Array, Array]]
"""(key, metric) to clusters, summed outcomes and summed weights of each cluster."""


def with_example_errors(fits: Sequence[Fit], records: Sequence[Record], folder: Path) -> list[Fit]:
    """Fits with ``example_stderr``, where the folder holds the outcomes of every checkpoint and they give its value.

    Metrics that are no ratio of sums (a correlation, F1) have none.
    """
    wanted = {(record.key, record.metric) for record in records if record.stage == "selected" and record.error is None}
    totals = totals_of(folder, wanted)
    if not totals:
        return list(fits)
    measured: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if (record.key, record.metric) in totals:
            measured.setdefault((record.task, record.metric, record.checkpoint), []).append(record)
    return [with_error(fit, measured, totals) for fit in fits]


def with_error(fit: Fit, measured: Mapping[tuple[str, str, str], list[Record]], totals: Totals) -> Fit:
    """One fit, with the error where it can be computed."""
    if fit.transfer_slope is None:
        return fit
    left_out = dict(fit.excluded)
    cell = replace(fit.cell, points=tuple(point for point in fit.cell.points if point.name not in left_out))
    arrays = outcomes_of(cell, measured, totals)
    if arrays is None:
        return fit
    x = np.array([point.x for point in cell.points])
    found = nested_bootstrap(x, *arrays, np.arange(x.size, dtype=np.intp), ("examples",))
    return replace(fit, example_stderr=found.stderr * fit.per)


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
