"""Two checkpoints on the terminal: a row for each metric that both have."""

from __future__ import annotations

from collections import Counter

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from harness.compare.comparison import Compared, Comparison
from harness.render import wide_console

COLUMNS = ("task", "metric", "A", "B", "A - B [95 %]", "p", "adjusted", "better", "test", "over")
MOST_APART = 5


def comparison_table(found: Comparison) -> None:
    """All differences, what they were tested by, and what was not compared."""
    console = wide_console()
    console.print(escape(f"A: {found.first}\nB: {found.second}"), highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for one in found.compared:
        table.add_row(*map(escape, cells_of(one)))
    console.print(table)
    console.print(
        f"p adjusted by Holm for {found.tests} tests, at 0.05; intervals hold one by one; examples that both were scored on"
    )
    for note, count in Counter(one.note for one in found.compared if one.note).items():
        console.print(escape(f"{note} ({count} metrics)"))
    for apart in found.apart[:MOST_APART]:
        console.print(escape(f"not compared: {apart.task} {apart.metric}: {apart.reason}"))
    if len(found.apart) > MOST_APART:
        console.print(f"and {len(found.apart) - MOST_APART} more that are not compared: see --json")


def cells_of(one: Compared) -> tuple[str, ...]:
    """One row."""
    found = one.difference
    ends = "" if found.low is None or found.high is None else f" [{found.low:.4g}, {found.high:.4g}]"
    said = one.better or ("" if one.p_adjusted is None else "undecided")
    return (
        one.task, one.metric, f"{found.first:.4f}", f"{found.second:.4f}", f"{found.difference:+.4g}{ends}",
        "" if found.p is None else f"{found.p:.2g}", "" if one.p_adjusted is None else f"{one.p_adjusted:.2g}", said,
        f"as {one.copy_of}" if one.copy_of else found.test, over(one),
    )  # fmt: skip


def over(one: Compared) -> str:
    """What was resampled or summed over."""
    found = one.difference
    units = f"{found.units:,} examples" if found.units else ""
    return f"{units}, {found.seeds} seeds".lstrip(", ") if found.seeds > 1 else units
