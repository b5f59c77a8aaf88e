"""Where the shipped YAML stands, and which suites are among it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError, nearest

SUITE = "suite:"
"""Before the name of a suite that ships, where a folder may stand."""


def shipped_tasks() -> Path:
    """The folder of shipped specs: inside the wheel, or the checkout's own."""
    inside = Path(__file__).parent.parent / "_tasks"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "tasks"


def suite_names() -> tuple[str, ...]:
    """Names of all shipped suites."""
    return tuple(sorted(path.stem for path in (shipped_tasks() / "_suites").glob("*.yaml")))


def suite_path(name: str) -> Path:
    """The file of a shipped suite, with or without ``suite:`` before its name.

    Raises:
        HarnessError: none of that name.
    """
    name = name.removeprefix(SUITE)
    if name not in suite_names():
        raise HarnessError(f"no suite {name!r} ships; {nearest(name, suite_names())}")
    return shipped_tasks() / "_suites" / f"{name}.yaml"
