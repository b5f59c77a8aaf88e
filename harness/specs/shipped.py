"""Where the shipped YAML stands."""

from __future__ import annotations

from pathlib import Path


def shipped_tasks() -> Path:
    """The folder of shipped specs: inside the wheel, or the checkout's own."""
    inside = Path(__file__).parent.parent / "_tasks"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "tasks"
