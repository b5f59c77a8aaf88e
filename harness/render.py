"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.board.findings import family_sentences
from harness.board.sensitivity_text import order_sentences, sensitivity_rows, sensitivity_sentences
from harness.slopes.report import rows

MOST_ROWS = 400
"""Of a table on the terminal: nobody reads more there."""


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


def slope_table(fits: Sequence[Any]) -> None:
    """Slopes, best first; refused cells last with their reason."""
    console = wide_console()
    table = Table(title="transfer slopes (positive: the metric gets better as the upstream one does)")
    for name in (
        "family",
        "upstream",
        "task",
        "metric",
        "runs/points",
        "model",
        "slope",
        "95 % interval",
        "window",
        "R2",
        "Q2",
        "residual/noise",
        "break",
        "rank",
        "q",
        "verdict",
        "flags",
    ):
        table.add_column(name, overflow="fold")
    for fit, row in zip(fits[:MOST_ROWS], rows(fits[:MOST_ROWS]), strict=True):
        interval = fit.interval
        table.add_row(
            escape(fit.cell.family), escape(fit.cell.upstream.task), escape(fit.cell.downstream.task),
            escape(fit.cell.downstream.metric), f"{fit.n_runs}/{fit.n_points}", fit.model or "",
            "" if fit.transfer_slope is None else f"{fit.transfer_slope:.4g} per {fit.per:g}",
            "" if interval is None else f"[{interval.low:.4g}, {interval.high:.4g}] {interval.method.split(',')[0]}".replace("[", r"\["),
            "" if fit.window is None else "{:.4g} to {:.4g}".format(*fit.window),
            optional(fit.r2, ".2f"), optional(fit.q2, ".2f"), against_noise(fit), break_text(fit),
            "" if fit.rank is None else "{} to {}".format(*fit.rank), optional(fit.q_value, ".1g"),
            row["verdict"], " ".join(flag.code for flag in (*fit.refusals, *fit.flags)),
        )  # fmt: skip
    console.print(table)
    say_more(console, len(fits))
    for text in family_sentences(fits):
        console.print(escape(text))
    for text in dict.fromkeys(f"{flag.code}: {flag.text}" for fit in fits for flag in fit.refusals):
        console.print(f"refused {escape(text)}")


def say_more(console: Console, rows: int) -> None:
    """How many rows there were no lines for."""
    if rows > MOST_ROWS:
        console.print(f"and {rows - MOST_ROWS:,} more: see the board")


def optional(value: float | None, form: str) -> str:
    """A number in a format; nothing where there is none."""
    return "" if value is None else format(value, form)


def against_noise(fit: Any) -> str:
    """Residual standard deviation against the metric's own standard error."""
    return (
        ""
        if fit.residual_sd is None
        else f"{fit.residual_sd:.2g}/{'?' if fit.y_noise is None else f'{fit.y_noise:.2g}'}"
    )


def break_text(fit: Any) -> str:
    """Where the line breaks with its interval, where that is significant."""
    found = fit.broken
    return "" if found is None or found.p >= 0.05 else escape(f"{found.at:.4g} [{found.low:.4g}, {found.high:.4g}]")


def prediction_text(fit: Any, row: dict[str, Any]) -> str:
    """One sentence on what a checkpoint would score."""
    cell = fit.cell
    far = " (outside the window that was fitted: do not trust it)" if row["extrapolated"] else ""
    return (
        f"{cell.family}: at {row['x']:g} {cell.upstream.unit} of {cell.upstream.task}, {cell.downstream.metric} of "
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
        f"{cell.family}: {what} takes {row['x']:.4g} {cell.upstream.unit} of {cell.upstream.task}, interval {low} to {high} "
        f"({fit.model}, {fit.status}){far}"
    )


def flatness_table(answers: Sequence[tuple[Any, float]]) -> None:
    """What flatness adds to the loss, task by task; nothing where it was not measured."""
    if not answers:
        return
    console = wide_console()
    table = Table(
        title="does flatness add to the loss? (partial r at given loss and family; negative: flatter is better)"
    )
    for name in ("upstream", "task", "metric", "flatness", "n", "partial r", "p", "q", "added Q2", "at equal loss",
                 "least r seen", "flags"):  # fmt: skip
        table.add_column(name, overflow="fold")
    for answer, q in answers:
        skill, matched = answer.skill, answer.matched
        ends = "" if skill is None or skill.low is None else f" [{skill.low:.2f}, {skill.high:.2f}]"
        table.add_row(
            escape(answer.upstream), escape(answer.task), escape(answer.metric), escape(answer.flatness), str(answer.n),
            f"{answer.partial.r:.2f}", f"{answer.partial.p:.2g}", f"{q:.2g}",
            "" if skill is None else escape(f"{skill.delta:.2f}{ends}"),
            "" if matched is None else f"S = {matched.s} of {matched.pairs} pairs, p = {matched.p:.2g}",
            optional(answer.least_partial, ".2f"), " ".join(flag.code for flag in answer.flags),
        )  # fmt: skip
    console.print(table)


def sensitivity_table(found: Any) -> None:
    """The slope of each task under every option of each choice; nothing where there is but one option of each."""
    if not found.answers:
        return
    console = wide_console()
    table = Table(title="does it hold under other choices?")
    for name in (
        "choice",
        "family",
        "upstream",
        "task",
        "metric",
        "sign",
        "slope [interval] under each option",
        "unit",
    ):
        table.add_column(name, overflow="fold")
    answers = sensitivity_rows(found)
    for row in answers[:MOST_ROWS]:
        options = [
            f"{o.name}: {o.slope}" + ("" if o.status == "ok" else f" {o.status}") + (o.shift and f"; metric {o.shift}")
            for o in row.options
        ]
        table.add_row(
            escape(row.choice), escape(row.family), escape(row.upstream), escape(row.task), escape(row.metric), row.sign,
            escape("\n".join(options)), escape(row.unit),
        )  # fmt: skip
    console.print(table)
    say_more(console, len(answers))
    for text in (*sensitivity_sentences(found), *order_sentences(found)):
        console.print(escape(text))
