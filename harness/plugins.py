"""What other packages add by entry points, looked for once: a scan of everything installed takes a while."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points


@lru_cache
def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, such as ``harness.kinds`` or ``harness.metrics``."""
    return tuple(entry_points(group=group))
