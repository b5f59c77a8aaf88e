"""What to measure: checkpoints by family, tasks by role, seeds. From a suite, or from the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.checkpoints import expand
from harness.errors import HarnessError
from harness.makers.family import write_text
from harness.results import Claim, Control, Groups, Roles
from harness.results.roles import ROLES
from harness.specs import Maker, Suite, Task, check, load_suite, load_task, load_tasks, read_yaml
from harness.specs.load import derive_task
from harness.specs.makers import recipe_of
from harness.specs.references import check_references
from harness.specs.several import names_by_base, names_of, spelled_out
from harness.specs.source import Source

STEP_FOLDER = re.compile(r"(?:step|checkpoint)[-_=]?\d*$")


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure, apart from what."""

    limit: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    offline: bool = False
    allow_pickle: frozenset[str] = frozenset()
    trust_remote_code: frozenset[str] = frozenset()
    token_budget: int = 4096


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure. ``families`` maps a family to the names of its checkpoints; ``made`` has those to make.

    ``folder`` is the suite's, absolute; ``Path()`` where the command line asks.
    """

    families: Mapping[str, tuple[str, ...]]
    tasks: Mapping[str, Task]
    seeds: tuple[int, ...]
    roles: Roles
    suite: Mapping[str, Any]
    made: Mapping[str, Maker] = field(default_factory=dict)
    leave_out: frozenset[tuple[str, str]] = frozenset()
    folder: Path = Path()

    def cells(self) -> list[tuple[str, str, Task]]:
        """(family, checkpoint name, task) in the order of measurement: a checkpoint is loaded once for all its tasks."""
        return [
            (family, name, task)
            for family, names in self.families.items()
            for name in names
            for task in self.tasks.values()
            if (family, task.name) not in self.leave_out
        ]


def from_suite(folder: Path) -> Request:
    """The request a suite makes.

    Raises:
        HarnessError: the suite has a fault.
    """
    suite, by_role = load_suite(folder)
    path = folder / "suite.yaml" if folder.is_dir() else folder
    tasks = {name: task for named in by_role.values() for name, task in named.items()}
    families = {}
    for name, family in suite.families.items():
        members = family.make.members() if family.make else ()
        families[name] = tuple(f"{name}/{m}" for m in members) or tuple(
            n for c in family.checkpoints for n in expand(c)
        )
    allowed: dict[str, set[str]] = {}
    bases = names_by_base((getattr(suite.tasks, role) for role in ROLES), path.parent)
    for only in suite.only:
        for task in (one for name in only.tasks for one in bases.get(name, (name,))):
            allowed.setdefault(task, set()).update(only.families)
    leave_out = {(family, task) for task, kept in allowed.items() for family in suite.families if family not in kept}
    return Request(
        families=families, tasks=ordered(tasks), seeds=suite.seeds, roles=roles_of(path), suite=read_yaml(path).value,
        made={name: family.make for name, family in suite.families.items() if family.make},
        leave_out=frozenset(leave_out), folder=path.parent.absolute(),
    )  # fmt: skip


def from_arguments(
    checkpoints: Sequence[str], tasks: Sequence[str], seeds: tuple[int, ...], *, text: Sequence[Path] = (),
    column: str | None = None, family: str | None = None,
) -> Request:  # fmt: skip
    """The request of ``harness run --checkpoint ... --task ...``.

    Checkpoints of one pattern are a family; each task has its default role.

    Raises:
        HarnessError: an unknown task, a bad name, or nothing to measure.
    """
    if not checkpoints or not tasks:
        raise HarnessError("nothing to measure: give a suite folder, or --checkpoint and --task")
    own = [[own_text(text, column)] if name == "lm_loss/text" else load_tasks(name) for name in tasks]
    built = [task for several in own for task in several]
    families: dict[str, tuple[str, ...]] = {}
    for pattern in checkpoints:
        shared = family or family_name(pattern)
        families[shared] = tuple(dict.fromkeys((*families.get(shared, ()), *expand(pattern))))
    by_role: dict[str, list[Any]] = {role: [] for role in ROLES}
    for task in built:
        by_role[task.default_role].append(task.name)
    suite = {
        "families": {name: {"checkpoints": list(names)} for name, names in families.items()},
        "tasks": {role: names for role, names in by_role.items() if names}, "seeds": list(seeds),
    }  # fmt: skip
    named = ordered({task.name: task for task in built})
    return Request(families=families, tasks=named, seeds=seeds, roles=roles_in(suite), suite=suite)


def family_name(pattern: str) -> str:
    """A family is named by what its checkpoints share: the repository, or the folder above the steps.

    >>> family_name("EleutherAI/pythia-70m@step{1000,2000}"), family_name("./runs/step-500")
    ('EleutherAI/pythia-70m', 'runs')
    """
    shared = pattern.split("{")[0] if "{" in pattern else pattern
    shared = shared.split("@")[0]
    folder = Path(shared)
    if STEP_FOLDER.search(folder.name) and len(folder.parts) > 1:
        return str(folder.parent)
    return shared.rstrip("-_=/") or pattern


def own_text(paths: Sequence[Path], column: str | None) -> Task:
    """``lm_loss/text`` on files of the user's own, under a name of its own.

    Raises:
        HarnessError: no file was given.
    """
    if not paths:
        raise HarnessError("lm_loss/text measures text of your own: give it with --text FILE (and --column NAME)")
    base = load_task("lm_loss/text")
    plain = all(path.suffix.lower() == ".txt" for path in paths)
    text = {"documents": "file"} if plain and column is None else {"column": column or "text"}
    name = f"lm_loss/text:{'+'.join(path.stem for path in paths)}"
    for path in paths:
        if not path.is_file():
            raise HarnessError(f"--text {path}: no such file")
    value = {
        "kind": "lm_loss", "description": base.description, "data": {"files": ["placeholder"]},
        "splits": {"score": "train"}, "text": text, "name": name,
    }  # fmt: skip
    task = derive_task(Source(Path("--text"), value))
    data = task.data.model_copy(update={"files": tuple(str(path.resolve()) for path in paths)})
    return task.model_copy(update={"data": data})


def ordered(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """A task that scores another task's model comes right after that one."""
    followers: dict[str, list[str]] = {}
    for name, task in tasks.items():
        parent = getattr(task, "trained_on", None)
        if parent is not None and parent in tasks:
            followers.setdefault(parent, []).append(name)
    late = {name for names in followers.values() for name in names}
    order = [other for name in tasks if name not in late for other in (name, *followers.get(name, ()))]
    return {name: tasks[name] for name in order}


def roles_of(path: Path) -> Roles:
    """Roles and families of a suite file, without loading its tasks.

    Raises:
        HarnessError: the file is missing, is no suite, or has a fault.
    """
    path = path / "suite.yaml" if path.is_dir() else path
    source = read_yaml(path)
    if not isinstance(source.value, dict) or not isinstance(source.value.get("families"), dict):
        raise HarnessError(f"{path}:1: not a suite: it has no families")
    suite = check(Suite, source)
    roles = roles_in(source.value, path.parent)
    check_references(suite, source, {*roles.upstream, *roles.flatness, *roles.downstream, *roles.affinity})
    return roles


def roles_in(suite: Mapping[str, Any], folder: Path = Path()) -> Roles:
    """Roles and families of a suite that has been read; files of tasks are beside it in ``folder``."""

    def names(role: str) -> tuple[str, ...]:
        entries = (suite.get("tasks") or {}).get(role) or ()
        return tuple(name for entry in entries for name in names_of(entry, folder))

    families = {}
    for name, family in suite["families"].items():
        made = family.get("make")
        members = recipe_of(made).members() if made else ()
        patterns = family.get("checkpoints") or ()
        families[name] = tuple(f"{name}/{m}" for m in members) or tuple(n for p in patterns for n in expand(p))
    bases = names_by_base(((suite.get("tasks") or {}).get(role) or () for role in ROLES), folder)
    controls = tuple(
        Control(task, c["metric"], c["slope"], c.get("because", ""), c.get("upstream", ""))
        for c in suite.get("controls") or ()
        for task in bases.get(c["task"], (c["task"],))
    )
    claims = tuple(Claim(**{**c, "families": tuple(c["families"])}) for c in suite.get("claims") or ())
    predictors = spelled_out(suite.get("predictors") or {}, bases)
    predictors = {task: tuple(found) for task, found in predictors.items()}
    first = {task: found[0] for task, found in predictors.items() if task not in names("downstream")}
    return Roles(
        upstream=names("upstream"), flatness=names("flatness"), downstream=names("downstream"), families=families,
        controls=controls, title=suite.get("title", ""), description=suite.get("description", ""),
        headline=first | spelled_out(suite.get("headline") or {}, bases), affinity=names("affinity"), claims=claims,
        predictors=predictors, groups=tuple(groups_of(c, bases) for c in suite.get("compare") or ()),
    )  # fmt: skip


def groups_of(entry: Mapping[str, Any], bases: Mapping[str, Sequence[str]]) -> Groups:
    """Two groups of a suite's ``compare:``, one name standing where a list may."""
    (first, one), (second, other) = ((name, tuple(members)) for name, members in entry["groups"].items())
    tasks = tuple(size for task in entry.get("tasks") or () for size in bases.get(task, (task,)))
    metrics, source = tuple(entry.get("metrics") or ()), entry.get("source", "")
    return Groups(entry["name"], first, second, one, other, tasks, metrics, source)


def save_suite(request: Request, folder: Path) -> None:
    """Leave the suite with its results; what the command line asks for is joined with what stands there."""
    path = folder / "suite.yaml"
    if request.folder != Path() and path.is_file() and path.parent.resolve() == request.folder.resolve():
        return
    suite = dict(request.suite)
    if path.is_file() and request.folder == Path():
        suite = joined(read_yaml(path).value, suite)
    write_text(path, yaml.safe_dump(suite, sort_keys=False, allow_unicode=True))


def joined(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Families and tasks of two suites; the newer one's where both name one."""
    tasks = {}
    for role in ROLES:
        entries = [*(before.get("tasks", {}).get(role) or ()), *(now["tasks"].get(role) or ())]
        tasks[role] = list({entry["name"] if isinstance(entry, dict) else entry: entry for entry in entries}.values())
    families = dict(before.get("families", {}))
    for name, family in now["families"].items():
        known = families.get(name, {}).get("checkpoints") or ()
        families[name] = {"checkpoints": list(dict.fromkeys((*known, *family["checkpoints"])))}
    return {**before, "families": families, "tasks": {role: named for role, named in tasks.items() if named}}


__all__ = ["Options", "Request", "from_arguments", "from_suite", "roles_of", "save_suite"]
