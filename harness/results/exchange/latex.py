r"""A LaTeX table: a row for each checkpoint, a column for the headline of each task; it takes \usepackage{booktabs}."""

from __future__ import annotations

import math
from pathlib import Path

from harness.errors import HarnessError
from harness.results.exchange.cells import Cell, cells_of, headlines
from harness.results.exchange.content import Content, Terms, Written

LOST = "all metrics but each task's headline, seeds one by one, n, digits beyond the error's second, and what made the numbers"
ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write one file.

    Raises:
        HarnessError: there is no whole measurement.
    """
    cells = list(cells_of(content))
    first = headlines(content, cells)
    shown = [cell for cell in cells if first[cell.task] == cell.metric]
    if not shown:
        raise HarnessError(f"{content.title}: no whole measurement to put into a table; measure with 'harness run'")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(table(content, shown), encoding="utf-8")
    return Written((output,), len(shown), LOST)


def table(content: Content, cells: list[Cell]) -> str:
    """The text of the table."""
    ordered = (*content.roles.upstream, *content.roles.flatness, *content.roles.downstream, *content.roles.affinity)
    tasks = {
        task: None for task in (*ordered, *(cell.task for cell in cells)) if any(cell.task == task for cell in cells)
    }
    known = {task: next(cell for cell in cells if cell.task == task) for task in tasks}
    by_place = {(cell.checkpoint.identity, cell.task): cell for cell in cells}
    names = {cell.checkpoint.identity: cell.checkpoint.names[0] for cell in cells}
    heads = [escaped(task) for task in tasks]
    units = [f"{escaped(known[task].metric)} {arrow(known[task])}" for task in tasks]
    lines = [
        r"\begin{tabular}{l" + "r" * len(tasks) + "}", r"\toprule", row(["checkpoint", *heads]), row(["", *units]), r"\midrule",
        *(row([escaped(name), *(number(by_place.get((identity, task))) for task in tasks)]) for identity, name in names.items()),
        r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    return "\n".join([f"% {content.title}: {note(cells)}".replace("\n", " "), *lines]) + "\n"


def note(cells: list[Cell]) -> str:
    """What the numbers are, for whoever reads the source."""
    seeds = "means over seeds with sd / sqrt(seeds)" if any(cell.seeds > 1 for cell in cells) else "values"
    return f"{seeds}, standard errors in brackets; arrows point to the better end"


def arrow(cell: Cell) -> str:
    """Which way is better."""
    return r"$\uparrow$" if cell.higher_is_better else r"$\downarrow$"


def row(cells: list[str]) -> str:
    """A line of the table."""
    return " & ".join(cells) + r" \\"


def number(cell: Cell | None) -> str:
    """A value with its standard error, to the error's second digit; to four digits where none is known."""
    if cell is None:
        return "--"
    return rounded(cell.value, cell.stderr)


def rounded(value: float, stderr: float | None) -> str:
    """A value to the second digit of its standard error.

    >>> rounded(0.66431, 0.02841), rounded(3.14159265, None), rounded(1234.6, 56.7)
    ('0.664 (0.028)', '3.142', '1235 (57)')
    """
    if not stderr:
        return f"{value:.4g}"
    decimals = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{decimals}f} ({stderr:.{decimals}f})"


def escaped(text: str) -> str:
    r"""A text that LaTeX prints as it is: names of checkpoints are not ours.

    >>> escaped("a_b & 100%")
    'a\\_b \\& 100\\%'
    """
    return "".join(ESCAPES.get(letter, letter if letter.isprintable() else " ") for letter in text)
