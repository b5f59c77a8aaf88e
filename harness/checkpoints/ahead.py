"""The weights of the checkpoint that comes next are fetched while another is measured."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from harness.checkpoints.resolved import Resolved
from harness.errors import HarnessError


def fetch_ahead(resolved: Resolved) -> threading.Thread | None:
    """Begin to bring a checkpoint's weights into the Hub's cache, and the files into the system's; returns at once.

    What goes wrong is left for the load itself to say. The thread never holds up the end of the program.
    """
    if resolved.memory is not None:
        return None
    thread = threading.Thread(target=fetch, args=(resolved,), daemon=True, name=f"fetch {resolved.name}")
    thread.start()
    return thread


def fetch(resolved: Resolved) -> None:
    """Fetch, then ask the system to read the files; on a system that cannot be asked the fetch is all."""
    from harness.checkpoints.load import fetch_weights

    try:
        for name in fetch_weights(resolved):
            with (Path(resolved.folder) / name).open("rb") as file:
                if hasattr(os, "posix_fadvise"):
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
    except (HarnessError, OSError):
        return
