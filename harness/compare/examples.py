"""Outcomes of the examples that both checkpoints were scored on, lined up by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.paired.difference import Array
from harness.results.outcomes import read_outcomes


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """One outcome of one measurement: four arrays ``(N,)``, by row."""

    row: npt.NDArray[np.int64]
    cluster: npt.NDArray[np.int64]
    outcome: Array
    weight: Array

    @property
    def ratio(self) -> float:
        """The sum of outcomes over that of weights: the metric, where it is such a ratio."""
        total = float(self.weight.sum())
        return float(self.outcome.sum()) / total if total else float("nan")

    def at(self, rows: npt.NDArray[np.int64]) -> Examples:
        """Those of some rows."""
        place = np.searchsorted(self.row, rows)
        return Examples(rows, self.cluster[place], self.outcome[place], self.weight[place])


Kept = Mapping[tuple[str, str], Examples]
"""(Key, name of the outcome) to outcomes; of rows that stand twice there are none, for want of a partner."""


def read_examples(folder: Path, keys: Collection[str]) -> dict[tuple[str, str], Examples]:
    """What a folder holds of these measurements."""
    import pyarrow as pa
    from pyarrow import compute

    table = read_outcomes(folder)
    if table is None:
        return {}
    table = table.filter(compute.is_in(table["key"], pa.array(sorted(keys), pa.string())))
    table = table.sort_by([("key", "ascending"), ("metric", "ascending"), ("row", "ascending")])
    names = [table[name].combine_chunks().dictionary_encode() for name in ("key", "metric")]
    codes = np.stack([encoded.indices.to_numpy() for encoded in names])
    columns = [table[name].to_numpy() for name in ("row", "cluster", "outcome", "weight")]
    starts = [0, *(np.flatnonzero((np.diff(codes) != 0).any(axis=0)) + 1), codes.shape[1]]
    found = {}
    for start, end in pairwise(starts):
        part = Examples(*(column[start:end] for column in columns))
        if end > start and (np.diff(part.row) > 0).all():
            key, metric = (
                encoded.dictionary[int(code[start])].as_py() for encoded, code in zip(names, codes, strict=True)
            )
            found[key, metric] = part
    return found


def lined_up(measured: Sequence[Examples]) -> list[Examples] | None:
    """All measurements on the rows that every one has; None where those are in other clusters, or fewer than two."""
    rows = measured[0].row
    for one in measured[1:]:
        rows = np.intersect1d(rows, one.row, assume_unique=True)
    if len(rows) < 2:
        return None
    found = [one.at(rows) for one in measured]
    return found if all(np.array_equal(one.cluster, found[0].cluster) for one in found) else None
