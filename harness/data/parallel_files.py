"""Text files that go line by line in parallel, each a column: line ``n`` of one translates line ``n`` of the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.data.hub import content_hash, read_text
from harness.errors import HarnessError

SPLIT = "train"


def load_columns(
    paths: Mapping[str, Path], split: str, first: int | None
) -> tuple[Mapping[str, list[str]], str, int | None]:
    """A row for each line, the revision that is the files' hash, and the number of lines.

    Raises:
        HarnessError: a file is missing, is not UTF-8, or has another number of lines than the first.
        KeyError: the split is not ``train``, the only one that files have.
    """
    if split != SPLIT:
        raise KeyError(split, [SPLIT])
    for path in paths.values():
        if not path.is_file():
            raise HarnessError(f"no file {path}")
    found = lines_of(paths)
    return {column: lines[:first] for column, lines in found.items()}, content_hash(list(paths.values())), count(found)


def lines_of(paths: Mapping[str, Path]) -> dict[str, list[str]]:
    """The lines of each file; they end with a line feed alone, since translations hold other separators of Unicode.

    Raises:
        HarnessError: a file is not UTF-8, or they have different numbers of lines.
    """
    found = {column: lines_in(path) for column, path in paths.items()}
    for column, lines in found.items():
        if len(lines) != count(found):
            one = next(iter(paths))
            raise HarnessError(
                f"{paths[one]} has {count(found):,} lines and {paths[column]} has {len(lines):,}; expected as many: line n of one "
                "is the translation of line n of the other"
            )
    return found


def count(found: Mapping[str, list[str]]) -> int:
    """Lines of the first column."""
    return len(next(iter(found.values())))


def lines_in(path: Path) -> list[str]:
    """The lines of a file, without what ends them."""
    text = read_text(path).removesuffix("\n")
    return [line.removesuffix("\r") for line in text.split("\n")] if text else []
