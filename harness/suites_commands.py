"""``harness suites``: list and show the suites that ship."""

from __future__ import annotations

import json

from harness.checkpoints import expand
from harness.specs import load_suite
from harness.specs.shipped import suite_names, suite_path


def list_suites(*, as_json: bool) -> None:
    """Print every shipped suite, with its families and how many checkpoints each has."""
    found = []
    for name in suite_names():
        suite, tasks = load_suite(suite_path(name))
        families = {
            family: len(its.make.members() if its.make else {o for pattern in its.checkpoints for o in expand(pattern)})
            for family, its in suite.families.items()
        }
        found.append({"name": name, "title": suite.title, "description": suite.description, "families": families,
                      "tasks": {role: list(named) for role, named in tasks.items() if named}})  # fmt: skip
    if as_json:
        print(json.dumps(found))
        return
    for suite_row in found:
        counts = ", ".join(f"{family} {count}" for family, count in suite_row["families"].items())  # type: ignore[attr-defined]
        print(f"suite:{suite_row['name']}  {suite_row['title']}\n    checkpoints: {counts}")


def show_suite(name: str) -> None:
    """Print a suite as its file has it, after checking it."""
    path = suite_path(name)
    load_suite(path)
    print(f"# {path}")
    print(path.read_text(encoding="utf-8").rstrip())
