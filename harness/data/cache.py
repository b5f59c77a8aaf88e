"""A small cache on disk: one JSON file of strings, replaced in one step, safe to lose."""

from __future__ import annotations

import json
import os
from pathlib import Path


def cache_folder() -> Path:
    """``$HARNESS_CACHE``, or ``~/.cache/harness``."""
    return Path(os.environ.get("HARNESS_CACHE") or Path.home() / ".cache" / "harness")


class Cache:
    """A named map from string to string."""

    def __init__(self, name: str) -> None:
        """A cache that is read when first asked."""
        self.name = name
        self._path: Path | None = None
        self._values: dict[str, str] = {}

    def _load(self) -> dict[str, str]:
        path = cache_folder() / f"{self.name}.json"
        if path != self._path:
            self._path = path
            try:
                self._values = json.loads(path.read_text())
            except (OSError, ValueError):
                self._values = {}
        return self._values

    def get(self, key: str) -> str | None:
        """The value, or None."""
        return self._load().get(key)

    def put(self, key: str, value: str) -> None:
        """Keep a value; a cache that cannot be written is no error."""
        values = self._load()
        if values.get(key) == value:
            return
        values[key] = value
        path = cache_folder() / f"{self.name}.json"
        beside = path.with_suffix(f".{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(values))
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
