"""Comparisons with a baseline on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from harness.regress.baseline import Change
from harness.regress.cell import Answer
from harness.regress.compare import Comparison
from harness.regress.report import change_text, flips_text, headline, why_text
from harness.render import wide_console

STYLES = {
    "worse": "bold red",
    "missing": "bold red",
    "incomparable": "bold red",
    "better": "green",
    "undecided": "yellow",
}
MOST_ROWS = 200


def comparison_table(comparison: Comparison) -> None:
    """Every cell, what fails first, then the rows that moved of what got worse or better."""
    console = wide_console()
    table = Table(
        title=f"{comparison.results} against {comparison.baseline}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("verdict", "task", "metric", "checkpoint", "before -> now [95 % of the gain]", "p worse", "why"):
        table.add_column(name, overflow="fold", justify="left")
    alike = grouped(comparison.answers)
    for answers in alike[:MOST_ROWS]:
        table.add_row(*table_row(answers))
    console.print(table)
    if len(alike) > MOST_ROWS:
        console.print(f"{len(alike) - MOST_ROWS} more rows; --json has all")
    for answer in comparison.answers:
        told = flips_text(answer.tested.flips) if answer.tested is not None else ""
        if told and answer.verdict in ("worse", "better"):
            console.print(escape(f"{answer.name}: {told}"))
    console.print(escape(headline(comparison)))


def grouped(answers: Sequence[Answer]) -> list[list[Answer]]:
    """Answers that share a row: those of one checkpoint that are absent for one reason; each other has its own."""
    rows: dict[tuple[str, ...], list[Answer]] = {}
    for number, answer in enumerate(answers):
        shared = ("", answer.verdict, answer.name.checkpoint, answer.text) if answer.tested is None else (str(number),)
        rows.setdefault(shared, []).append(answer)
    return list(rows.values())


def table_row(answers: Sequence[Answer]) -> tuple[str, ...]:
    """The words of one row; a cell that does not count for the exit status is in brackets."""
    answer = answers[0]
    style = STYLES.get(answer.verdict) if answer.gated else None
    verdict = answer.verdict if answer.gated else f"({answer.verdict})"
    shown = f"[{style}]{verdict}[/{style}]" if style else verdict
    p = "" if answer.p_worse is None else f"{answer.p_worse:.2g}"
    tasks, metrics = (together([getattr(one.name, part) for one in answers]) for part in ("task", "metric"))
    words = (tasks, metrics, answer.name.checkpoint, change_text(answer), p, why_text(answer))
    return (shown, *(escape(word) for word in words))


def together(words: Sequence[str]) -> str:
    """Several words, each once, on little room.

    >>> together(["a", "a"]), together(["a", "b", "c", "d"])
    ('a', 'a, b and 2 more')
    """
    each = list(dict.fromkeys(words))
    return ", ".join(each[:2]) + (f" and {len(each) - 2} more" if len(each) > 2 else "")


def changes_table(changes: Sequence[Change], title: str) -> None:
    """What a baseline takes over."""
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("state", "task", "metric", "checkpoint", "was", "now"):
        table.add_column(name, overflow="fold", justify="right" if name in ("was", "now") else "left")
    for change in changes[:MOST_ROWS]:
        values = ("" if value is None else f"{value:.5g}" for value in (change.was, change.now))
        table.add_row(change.state, escape(change.task), escape(change.metric), escape(change.checkpoint), *values)
    wide_console().print(table)
