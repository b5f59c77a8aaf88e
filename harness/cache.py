"""A small cache on disk: one JSON file of strings, replaced in one step, safe to lose."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """``$HARNESS_CACHE``, or ``~/.cache/harness``."""
    return Path(os.environ.get("HARNESS_CACHE") or Path.home() / ".cache" / "harness")


class Cache:
    """A named map from string to string. One that cannot be read or written costs time, never the answer."""

    def __init__(self, name: str) -> None:
        """A cache that is read when first asked."""
        self.name = name
        self._seen: tuple[Path, int, int] | None = None
        self._values: dict[str, str] = {}

    @property
    def path(self) -> Path:
        """The file; another one when the environment changes."""
        return cache_folder() / f"{self.name}.json"

    def get(self, key: str) -> str | None:
        """The value, or None."""
        return self._load().get(key)

    def put(self, key: str, value: str) -> None:
        """Keep a value."""
        values = self._load()
        if values.get(key) == value:
            return
        values[key] = value
        beside = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(values), encoding="utf-8")
            beside.replace(self.path)
        except OSError:
            return

    def remembered(self, key: str, compute: Callable[[], str]) -> str:
        """The value stored under ``key``; computed and stored where it is not."""
        known = self.get(key)
        if known is None:
            known = compute()
            self.put(key, known)
        return known

    def _load(self) -> dict[str, str]:
        """The stored values, read again when another process has replaced the file."""
        try:
            status = self.path.stat()
            seen = (self.path, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                stored = json.loads(self.path.read_text(encoding="utf-8"))
                self._values, self._seen = stored if isinstance(stored, dict) else {}, seen
        except (OSError, ValueError):
            self._values, self._seen = {}, None
        return self._values
