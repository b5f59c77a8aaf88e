"""Outcomes of single examples of both sides, lined up: the same rows in the same order under every seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.measures.translation.metrics import METRICS
from harness.regress.cell import Flips, Measured
from harness.results.outcomes import read_outcomes
from harness.results.record import Record
from harness.slopes.example_errors import outcomes_of
from harness.slopes.ordinary_least_squares import Array

HIGHER = "correct"
"""The one outcome of which more is better; losses, squared errors and edits are all the better the smaller."""
INSTEAD = ("squared_error", "correct")
"""Outcomes that name the rows that moved, of a metric that has none of its own."""
MOST_ROWS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcomes of one measurement in the order of rows: four arrays (N,)."""

    row: NDArray[np.int64]
    cluster: NDArray[np.int64]
    outcome: Array
    weight: Array

    def like(self, other: Outcomes) -> bool:
        """Whether both are of the same rows in the same clusters."""
        return np.array_equal(self.row, other.row) and np.array_equal(self.cluster, other.cluster)


Kept = Mapping[tuple[str, str], Outcomes]
"""(key, name of the outcome) to outcomes."""


def read_kept(folder: Path, keys: Iterable[str]) -> dict[tuple[str, str], Outcomes]:
    """Outcomes of these keys that a folder holds."""
    import pyarrow as pa
    from pyarrow import compute

    table = read_outcomes(folder)
    if table is None:
        return {}
    table = table.filter(compute.is_in(table["key"], pa.array(sorted(set(keys)), pa.string())))
    table = table.sort_by([("key", "ascending"), ("metric", "ascending"), ("row", "ascending")])
    names = list(zip(table["key"].to_pylist(), table["metric"].to_pylist(), strict=True))
    columns = [table[name].to_numpy() for name in ("row", "cluster", "outcome", "weight")]
    begins = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    ends = [*begins[1:], len(names)] if begins else []
    return {
        names[start]: Outcomes(*(column[start:end] for column in columns))
        for start, end in zip(begins, ends, strict=True)
    }


def of_records(records: Sequence[Record], kept: Kept) -> list[Outcomes] | None:
    """The outcomes that the values of records are made of, a seed each; None where one has none that give its value."""
    found = []
    for record in records:
        outcomes = kept.get(outcomes_of(record))
        if outcomes is None or not gives(outcomes, record):
            return None
        found.append(outcomes)
    return found


def gives(outcomes: Outcomes, record: Record) -> bool:
    """Whether outcomes give a record's value as a ratio of sums."""
    total = float(outcomes.weight.sum())
    ratio = float(outcomes.outcome.sum()) / total if total else math.nan
    return math.isclose(ratio, record.value or 0.0, rel_tol=1e-6, abs_tol=1e-9)


def lined_up(before: Sequence[Outcomes], now: Sequence[Outcomes]) -> bool:
    """Whether every measurement of both sides is of the same rows with the same weights in all."""
    first = before[0]
    return all(one.like(first) and np.array_equal(one.weight, first.weight) for one in (*before, *now))


def sums_by_cluster(outcomes: Sequence[Outcomes]) -> tuple[Array, Array]:
    """Outcomes and weights summed within clusters, a row for each measurement, (S, C) each."""
    index = np.unique(outcomes[0].cluster, return_inverse=True)[1]
    outcome, weight = (
        np.stack([np.bincount(index, weights=one).astype(np.float64) for one in many])
        for many in ([one.outcome for one in outcomes], [one.weight for one in outcomes])
    )
    return outcome, weight


def binary(outcomes: Sequence[Outcomes]) -> bool:
    """Whether every outcome is one example of its own, right or wrong, and counts one."""
    return all(
        len(np.unique(one.cluster)) == one.row.size and bool(np.isin(one.outcome, (0.0, 1.0)).all())
        and bool((one.weight == 1).all())
        for one in outcomes
    )  # fmt: skip


def statistics_of(record: Record, kept: Kept) -> tuple[NDArray[np.int64], Array] | None:
    """Rows and sufficient statistics (N, k) of a corpus metric such as BLEU; None where they are not all there."""
    metric = METRICS.get(record.metric)
    if metric is None or not all((record.key, name) in kept for name in metric.statistic_names):
        return None
    found = [kept[record.key, name] for name in metric.statistic_names]
    return found[0].row, np.stack([one.outcome for one in found], axis=1)


def flips(before: Measured, now: Measured, kept_before: Kept, kept_now: Kept) -> Flips | None:
    """The rows that moved, those that moved most first; under several seeds by their mean. None without outcomes."""
    sums = statistics_of(before.records[0], kept_before), statistics_of(now.records[0], kept_now)
    if sums[0] is not None and sums[1] is not None:
        metric = METRICS[before.records[0].metric]
        moved = metric.values(sums[1][1]) - metric.values(sums[0][1])
        return flips_of(sums[0][0], moved if metric.higher_is_better else -moved)
    for name in dict.fromkeys((outcomes_of(before.records[0])[1], *INSTEAD)):
        sides = [
            [kept[r.key, name] for r in side.records if (r.key, name) in kept]
            for side, kept in ((before, kept_before), (now, kept_now))
        ]
        if all(sides) and all(one.like(sides[0][0]) for side in sides for one in side):
            moved = np.mean([one.outcome for one in sides[1]], axis=0) - np.mean(
                [one.outcome for one in sides[0]], axis=0
            )
            return flips_of(sides[0][0].row, moved if name == HIGHER else -moved)
    return None


def flips_of(rows: NDArray[np.int64], gain: Array) -> Flips:
    """Rows by how far they moved.

    >>> flips_of(np.array([3, 5, 8, 9]), np.array([0.0, -1.0, 1.0, -2.0]))
    Flips(worse=(9, 5), better=(8,), n_worse=2, n_better=1, scored=4)
    """
    order = np.argsort(gain, kind="stable")
    worse, better = rows[order][gain[order] < 0], rows[order[::-1]][gain[order[::-1]] > 0]
    first = [tuple(int(row) for row in found[:MOST_ROWS]) for found in (worse, better)]
    return Flips(first[0], first[1], int(worse.size), int(better.size), int(rows.size))
