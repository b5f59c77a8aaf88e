"""The formats by name, and which of them a file has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.results.exchange import (
    comma_separated,
    eval_results,
    every_eval_ever,
    latex,
    lm_eval,
    model_index,
    parquet,
)
from harness.results.exchange.content import Content, Reading, Terms, Written


@dataclass(frozen=True, slots=True)
class Reader:
    """How a format is told and read."""

    recognises: Callable[[Path], bool]
    read: Callable[[Path, Reading], Content]


WRITERS: dict[str, Callable[[Content, Path, Terms], Written]] = {
    "csv": comma_separated.write, "parquet": parquet.write, "every-eval-ever": every_eval_ever.write,
    "eval-results": eval_results.write, "model-index": model_index.write, "latex": latex.write,
}  # fmt: skip
READERS: dict[str, Reader] = {
    "csv": Reader(comma_separated.recognises, comma_separated.read), "parquet": Reader(parquet.recognises, parquet.read),
    "lm-eval": Reader(lm_eval.recognises, lm_eval.read),
    "every-eval-ever": Reader(every_eval_ever.recognises, every_eval_ever.read),
}  # fmt: skip
TABLE = "table"
"""A published long table, which ``results/table.py`` reads."""


def writer(name: str) -> Callable[[Content, Path, Terms], Written]:
    """How a format is written.

    Raises:
        HarnessError: there is no such format.
    """
    if name not in WRITERS:
        raise HarnessError(f"--to {name!r} is no format; {nearest(name, WRITERS)}")
    return WRITERS[name]


def format_of(path: Path, asked: str | None) -> str:
    """The name of the format of a file or folder: what was asked for, else what it looks like.

    Raises:
        HarnessError: there is no such file or no such format, or it looks like none.
    """
    if not path.exists():
        raise HarnessError(f"no file and no folder {path}; give what is to be imported")
    if asked is not None:
        if asked not in (*READERS, TABLE):
            raise HarnessError(f"--from {asked!r} is no format; {nearest(asked, (*READERS, TABLE))}")
        return asked
    found = next((name for name, reader in READERS.items() if reader.recognises(path)), None)
    if found is None and path.is_file() and path.suffix.lower() != ".json":
        return TABLE
    if found is None:
        raise HarnessError(f"{path} looks like none of {', '.join((*READERS, TABLE))}; say which with --from")
    return found
