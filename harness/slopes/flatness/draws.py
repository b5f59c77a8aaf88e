"""Single draws of flatness measurements, from the outcomes that a results folder keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.results.outcomes import read_outcomes
from harness.slopes.ordinary_least_squares import Array


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws of one measure in the order in which they were made.

    Attributes:
        cluster: The document of each draw, (N,).
        term: Its summed term ``a``, (N,): a squared gradient, a quadratic form, a rise.
        tokens: Its scored tokens ``n``, (N,).
    """

    cluster: NDArray[np.int64]
    term: Array
    tokens: Array


def read_draws(folder: Path, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Draws]:
    """Draws by (key, metric), of those wanted that the folder holds."""
    import pyarrow as pa
    from pyarrow import compute

    table = read_outcomes(folder) if wanted else None
    if table is None:
        return {}
    keys = pa.array(sorted({key for key, _ in wanted}), pa.string())
    table = table.filter(compute.is_in(table["key"], keys))
    named = list(zip(table["key"].to_pylist(), table["metric"].to_pylist(), strict=True))
    columns = [table[name].to_numpy() for name in ("row", "cluster", "outcome", "weight")]
    places: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(named):
        places.setdefault(name, []).append(place)
    found = {}
    for name in set(wanted) & places.keys():
        row, cluster, outcome, weight = (column[places[name]] for column in columns)
        order = np.argsort(row, kind="stable")
        found[name] = Draws(cluster[order], outcome[order], weight[order])
    return found
