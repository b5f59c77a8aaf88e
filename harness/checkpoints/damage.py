"""Whether a file of the Hub's cache is whole; one that is not is removed, so that it can be fetched anew."""

from __future__ import annotations

import json
from pathlib import Path

from harness.checkpoints.weights import read_header


def damage(path: Path) -> str | None:
    """What is wrong with a file, to be said after its name; None where it is whole or of a kind that is not looked into.

    Of weights the header and the size are looked at, of a config and of an index of weights whether they are JSON.
    """
    try:
        if path.name.endswith(".safetensors"):
            read_header(path)
        elif path.name == "config.json" or path.name.endswith(".index.json"):
            json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        return f"is no JSON or is damaged ({error})"
    except ValueError as error:
        return str(error)
    return None


def remove(path: Path) -> None:
    """Remove a file of the cache: its name in the snapshot, and the content that this name points to."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)
