"""Hashes that are slow to compute, remembered in one small JSON file under the user's cache folder."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """``$HARNESS_CACHE``, or ``~/.cache/harness``."""
    return Path(os.environ.get("HARNESS_CACHE") or Path.home() / ".cache" / "harness")


def remembered(key: str, compute: Callable[[], str]) -> str:
    """The value stored under ``key``; computed and stored where it is not.

    A cache that cannot be read or written costs time, never the answer.
    """
    path = cache_folder() / "hashes.json"
    known = read(path)
    if key not in known:
        value = compute()
        write(path, read(path) | {key: value})
        return value
    return known[key]


def read(path: Path) -> dict[str, str]:
    """The stored hashes; none where the file is missing or broken."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def write(path: Path, values: dict[str, str]) -> None:
    """Replace the file as a whole, so that a reader never sees half of one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump(values, file)
        Path(file.name).replace(path)
    except OSError:
        return
