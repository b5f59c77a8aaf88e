"""What models wrote: a file of JSON lines a measurement, beside the records and out of version control.

Outputs may repeat the data they were made from, so that they are never part of a record or of its examples.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

OUTPUTS = "outputs"


def texts_path(folder: Path, key: str) -> Path:
    """Where the outputs of a measurement lie."""
    return folder / OUTPUTS / f"{key[:24]}.jsonl"


def write_texts(folder: Path, key: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the outputs of one measurement, whole or not at all; nothing where there are none.

    Raises:
        OSError: they cannot be written.
    """
    written = [json.dumps(line, ensure_ascii=False) for line in lines]
    if not written:
        return
    path = texts_path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    ignored = path.parent / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")
    beside = path.with_suffix(".new")
    beside.write_text("\n".join(written) + "\n", encoding="utf-8")
    beside.replace(path)


def read_texts(folder: Path, key: str) -> list[dict[str, Any]]:
    """The outputs of a measurement; empty where they were not kept."""
    path = texts_path(folder, key)
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]  # a text may hold U+2028
