"""Tasks of the kind on made-up pairs of texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.hub.text import sentences

Row = Mapping[str, Any]
SPEC = (
    "description: d\nkind: translation\ndata: {files: [own.jsonl]}\nsplits: {score: train}\n"
    "source: '{{ translation.de }}'\ntarget: '{{ translation.en }}'\nlanguages: {source: de, target: en}\n"
)


def pairs(count: int) -> list[Row]:
    """Sentences, and others as their translations; both of one to two sentences."""
    return [
        {"translation": {side: " ".join(sentences(1 + number % 2, seed + number)) for side, seed in (("de", 0), ("en", 50))}}
        for number in range(count)
    ]  # fmt: skip


def write_task(folder: Path, rows: list[Row], more: str = "", spec: str = SPEC) -> str:
    """The path of a task on these rows; ``more`` is added to its spec."""
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "own.yaml").write_text(spec + more)
    return str(folder / "own.yaml")
