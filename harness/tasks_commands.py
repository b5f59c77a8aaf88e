"""``harness tasks``: list, show and pin specs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from harness.errors import HarnessError
from harness.specs import AffinityTask, Source, load_tasks, read_yaml, task_names
from harness.specs.domains import in_domains
from harness.specs.load import build_task, find, resolve_includes, sources_of

REVISION = re.compile(r"(revision:\s*)([^\s,}]+)")
PATH = re.compile(r"(?P<before>[^#\n]*?\bpath:\s*)(?P<path>[^\s,}]+)")


def list_tasks(*, as_json: bool) -> None:
    """Print every shipped task."""
    tasks = [task for name in task_names() for task in load_tasks(name)]
    if as_json:
        print(json.dumps([{"name": t.name, "kind": t.kind, "version": t.version, "status": t.status,
                           "description": t.description} for t in tasks]))  # fmt: skip
        return
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        mark = "" if task.status == "verified" else "  (unverified)"
        print(f"{task.name:{width}}  {task.kind:11}  {task.description}{mark}")


def show_task(name: str) -> None:
    """Print a spec as its file has it, after checking it; one domain of a spec as it would stand alone."""
    load_tasks(name)
    path, _, domain = find(name, Path())
    print(f"# {path}" + (f", the domain {domain}" if domain else ""))
    alone = sources_of(name, Path())[0][1].value if domain else None
    print(
        yaml.safe_dump(alone, sort_keys=False, allow_unicode=True).rstrip()
        if alone
        else path.read_text("utf-8").rstrip()
    )


def pin_tasks(name: str) -> str:
    """Write the commit that the data of a task, or of each domain of a spec, has on the Hub now into its file; returns what was done.

    Raises:
        HarnessError: as for :func:`pin_task`; the domains before it are pinned.
    """
    several = [called for called, _ in sources_of(name, Path())]
    if len(several) == 1:
        return pin_task(name)
    return "\n".join(pin_task(f"{name}/{called.rpartition('/')[2]}") for called in several)


def pin_task(name: str) -> str:
    """Write the commit that one task's data has on the Hub now into its file; returns what was done.

    Raises:
        HarnessError: the data is not of the Hub, the Hub cannot be reached, or the file cannot be edited.
    """
    from harness.data.hub import resolve_revision

    (called, source), (path, shown, _) = sources_of(name, Path())[0], find(name, Path())
    task = build_task(source, called)
    if isinstance(task, AffinityTask):
        raise HarnessError(
            f"{path}: reads the data of {task.of}; pin that task, and take the corpus as its own task has it"
        )
    if task.data.path is None:
        raise HarnessError(f"{path}: the data is not of the Hub, so there is no revision to pin")
    commit = resolve_revision(task.data.model_copy(update={"revision": None}), offline=False)
    if commit is None:
        raise HarnessError(f"{path}: the revision cannot be looked up offline")
    beside = path.with_name(path.name + ".new")
    beside.write_text(with_revision(source, path, commit), encoding="utf-8")
    written = dict(in_domains(resolve_includes(read_yaml(beside)), shown))[called]
    if written.value["data"].get("revision") != commit:
        beside.unlink()
        raise HarnessError(f"{path}: cannot be edited by rule; write 'revision: {commit}' under data yourself")
    beside.replace(path)
    return f"{called if called != shown else path}: revision {commit}"


def with_revision(source: Source, path: Path, commit: str) -> str:
    """The text of a task's file with the revision of its data in place, or put in behind ``path:``.

    Raises:
        HarnessError: the data stands in another file.
    """
    field = "revision" if "revision" in source.value["data"] else "path"
    file, line = source.places.get(("data", field), (Path(), 0))
    if file != path:
        raise HarnessError(f"{path}: data.path is inherited; pin the file it comes from")
    lines = path.read_text(encoding="utf-8").split("\n")
    before, rest = lines[: line - 1], "\n".join(lines[line - 1 :])
    if field == "revision":
        rest = REVISION.sub(rf"\g<1>{commit}", rest, count=1)
    elif (found := PATH.match(rest)) is not None:
        indent = len(found["before"]) - len(found["before"].lstrip())
        between = ", " if "{" in found["before"] else "\n" + " " * indent
        rest = rest[: found.end()] + f"{between}revision: {commit}" + rest[found.end() :]
    return "\n".join([*before, rest])
