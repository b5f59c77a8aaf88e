"""``harness tasks``: list, show and pin specs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.errors import HarnessError
from harness.specs import AffinityTask, load_task, read_yaml, task_names
from harness.specs.load import find

REVISION = re.compile(r"(revision:\s*)([^\s,}]+)")
PATH = re.compile(r"^(?P<before>\s*(?:data:\s*\{.*?)?path:\s*)(?P<path>[^\s,}]+)", re.MULTILINE)


def list_tasks(*, as_json: bool) -> None:
    """Print every shipped task."""
    tasks = [load_task(name) for name in task_names()]
    if as_json:
        print(json.dumps([{"name": t.name, "kind": t.kind, "version": t.version, "status": t.status,
                           "description": t.description} for t in tasks]))  # fmt: skip
        return
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        mark = "" if task.status == "verified" else "  (unverified)"
        print(f"{task.name:{width}}  {task.kind:9}  {task.description}{mark}")


def show_task(name: str) -> None:
    """Print a spec as its file has it, after checking it."""
    load_task(name)
    path, _ = find(name, Path())
    print(f"# {path}")
    print(path.read_text(encoding="utf-8").rstrip())


def pin_task(name: str) -> str:
    """Write the commit that a task's data has on the Hub now into its file; returns what was done.

    Raises:
        HarnessError: the data is not of the Hub, the Hub cannot be reached, or the file cannot be edited.
    """
    from harness.data.hub import resolve_revision

    task, (path, _) = load_task(name), find(name, Path())
    if isinstance(task, AffinityTask):
        raise HarnessError(
            f"{path}: reads the data of {task.of}; pin that task, and take the corpus as its own task has it"
        )
    if task.data.path is None:
        raise HarnessError(f"{path}: the data is not of the Hub, so there is no revision to pin")
    commit = resolve_revision(task.data.model_copy(update={"revision": None}), offline=False)
    if commit is None:
        raise HarnessError(f"{path}: the revision cannot be looked up offline")
    text = path.read_text(encoding="utf-8")
    if task.data.revision is not None:
        edited = REVISION.sub(rf"\g<1>{commit}", text, count=1)
    elif (found := PATH.search(text)) is not None:
        between = (
            ", " if "{" in found["before"] else "\n" + " " * (len(found["before"]) - len(found["before"].lstrip()))
        )
        edited = text[: found.end()] + f"{between}revision: {commit}" + text[found.end() :]
    else:
        raise HarnessError(f"{path}: data.path is inherited; pin the file it comes from")
    beside = path.with_name(path.name + ".new")
    beside.write_text(edited, encoding="utf-8")
    if (read_yaml(beside).value or {}).get("data", {}).get("revision") != commit:
        beside.unlink()
        raise HarnessError(f"{path}: cannot be edited by rule; write 'revision: {commit}' under data yourself")
    beside.replace(path)
    return f"{path}: revision {commit}"
