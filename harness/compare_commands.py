"""What ``harness compare`` does: two checkpoints of a results folder, from its records alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def compare(folder: Path, first: str, second: str, tasks: Sequence[str], *, as_json: bool) -> None:
    """Print every difference of two checkpoints, with its test."""
    from harness.compare.comparison import compare as compared

    found = compared(folder, first, second, tasks)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    from harness.render_compare import comparison_table

    comparison_table(found)
