"""The plan and predictions on the terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(42), duration(200), duration(9000)
    ('42 s', '3.3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def wide_console() -> Console:
    """The terminal at its width; off a terminal, wide enough that no column is cut."""
    return Console() if sys.stdout.isatty() else Console(width=200)


def plan_table(planned: Sequence[Any], estimates: Any) -> None:
    """What would be measured, by family and task."""
    console = wide_console()
    table = Table(title="plan")
    for name in ("family", "task", "checkpoints", "seeds", "done", "to do", "failed", "tokens", "time"):
        table.add_column(name, justify="left" if name in ("family", "task") else "right")
    groups: dict[tuple[str, str], list[int]] = {}
    for number, cell in enumerate(planned):
        groups.setdefault((cell.family, cell.task.name), []).append(number)
    for (family, task), numbers in groups.items():
        cells = [planned[n] for n in numbers]
        states = Counter(cell.state for cell in cells)
        tokens = sum(estimates.cells[n].tokens for n in numbers)
        seconds = sum(estimates.cells[n].seconds for n in numbers)
        table.add_row(
            escape(family), escape(task), str(len({c.name for c in cells})), str(len({c.seed for c in cells})),
            str(states["done"]), str(states["to do"] + states["after making"]), str(states["failed"]), f"{tokens:,}",
            duration(seconds),
        )  # fmt: skip
    console.print(table)
    for reason in dict.fromkeys(cell.reason for cell in planned if cell.reason):
        console.print(f"cannot be measured: {escape(reason)}")
    making = f", {duration(estimates.make_seconds)} of it to make families" if estimates.make_seconds else ""
    console.print(f"in all about {duration(estimates.seconds)}{making}; {estimates.tokens:,} tokens to measure")


def prediction_text(fit: Any, row: dict[str, Any]) -> str:
    """One sentence on what a checkpoint would score."""
    cell = fit.cell
    far = " (outside the window that was fitted: do not trust it)" if row["extrapolated"] else ""
    return (
        f"{cell.family}: at {row['x']:g} {cell.upstream.unit} of {cell.upstream.title}, {cell.downstream.metric} of "
        f"{cell.downstream.task} is {row['value']:.4g}; a new checkpoint: [{row['low']:.4g}, {row['high']:.4g}], the mean: "
        f"[{row['mean_low']:.4g}, {row['mean_high']:.4g}] ({fit.model}, {fit.status}){far}"
    )


def needed_text(fit: Any, row: dict[str, Any]) -> str:
    """One sentence on the loss that a score takes."""
    cell = fit.cell
    what = f"{cell.downstream.metric} {row['value']:g} of {cell.downstream.task}"
    if row["x"] is None:
        return f"{cell.family}: {what} is not reached within a quarter of the window beyond what was measured"
    low, high = ("out of reach" if row[end] is None else f"{row[end]:.4g}" for end in ("low", "high"))
    far = " (outside the window that was fitted: do not trust it)" if row["extrapolated"] else ""
    return (
        f"{cell.family}: {what} takes {row['x']:.4g} {cell.upstream.unit} of {cell.upstream.title}, interval {low} to {high} "
        f"({fit.model}, {fit.status}){far}"
    )
