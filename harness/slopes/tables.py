"""A long table from a file or from memory, fitted as a leaderboard would be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness.results.table import import_columns, import_table
from harness.slopes.cell import Fit
from harness.slopes.fit import fit_all
from harness.slopes.join import join


def fit_table(
    table: str | Path | Mapping[str, Any],
    *,
    source: str = "a table",
    higher_is_better: Collection[str] = (),
    lower_is_better: Collection[str] = (),
) -> list[Fit]:
    """Fit every (family, upstream, task) of a long table; best transfer first.

    Args:
        table: the path of a CSV file, a data frame, or a mapping of column names to sequences, with the columns family,
            checkpoint, upstream, task, value, and where known upstream_name, metric, upstream_stderr, stderr, n, run.
        source: where the figures come from.
        higher_is_better: metrics whose names do not say so, or say it wrong.
        lower_is_better: likewise.

    Raises:
        HarnessError: it is no long table, or a line of it is wrong; line and column are named.

    >>> losses = [2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4]
    >>> columns = {
    ...     "family": ["pruned"] * 8, "checkpoint": list("abcdefgh"), "upstream": losses, "task": ["rte"] * 8,
    ...     "metric": ["accuracy"] * 8, "value": [0.9 - 0.1 * (loss - 2) for loss in losses],
    ... }
    >>> round(fit_table(columns)[0].transfer_slope, 6)
    0.01
    """
    known: dict[str, Any] = {"source": source, "higher_is_better": higher_is_better, "lower_is_better": lower_is_better}
    found = import_table(table, **known) if isinstance(table, (str, Path)) else import_columns(table, **known)
    return fit_all(join(found.records, {info.identity: info for info in found.checkpoints}, found.roles))
