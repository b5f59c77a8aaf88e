"""Progress bars with a time left, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Advance = Callable[[float], None]
_live: Any = None


def on_terminal() -> bool:
    """Whether somebody looks."""
    return sys.stderr.isatty()


@contextmanager
def progress(description: str, total: float) -> Iterator[Advance]:
    """A bar of ``total`` units; yields what moves it on. Bars within bars share the screen.

    Off a terminal nothing is drawn.
    """
    global _live
    if not on_terminal():
        yield lambda amount: None
        return
    outermost = _live is None
    if outermost:
        _live = _display()
        _live.start()
    bar = _live.add_task(description.replace("[", "\\["), total=total)
    try:
        yield lambda amount: _live.update(bar, advance=amount)
    finally:
        _live.remove_task(bar)
        if outermost:
            _live.stop()
            _live = None


def _display() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip


def say(message: str) -> None:
    """A line for people, beside the bars, on standard error."""
    if _live is not None:
        _live.console.print(message, markup=False, highlight=False)
    else:
        print(message, file=sys.stderr, flush=True)
