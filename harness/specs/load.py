"""Names become specs: shipped tasks, files, included files and protocols."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.plugins import plugins
from harness.results import digest
from harness.specs.choice import CHOICE_METRICS, ChoiceTask
from harness.specs.domains import in_domain, in_domains, said_of_all
from harness.specs.kinds import KINDS
from harness.specs.model import check
from harness.specs.protocol import Protocol
from harness.specs.shipped import shipped_tasks
from harness.specs.source import Source, merge, read_yaml
from harness.specs.task import METRICS, OF_CLASSES, AffinityTask, Data, FinetuneTask, LabelledTask, LmLossTask, Task
from harness.specs.translation import TRANSLATION_METRICS, TranslationTask

DEEPEST_INCLUDE = 8
YAML = (".yaml", ".yml")


@lru_cache(maxsize=1)
def task_names() -> tuple[str, ...]:
    """Names of all shipped tasks, such as ``glue/rte``. Folders and files that begin with _ hold shared parts."""
    root = shipped_tasks()
    paths = (path.relative_to(root) for path in root.rglob("*.yaml"))
    return tuple(sorted(p.with_suffix("").as_posix() for p in paths if not any(x.startswith("_") for x in p.parts)))


def kinds() -> dict[str, type[Task]]:
    """Spec class of every kind: ours, and those of the entry points in the group ``harness.kinds``."""
    added = {point.name: point for point in plugins("harness.kinds")}
    return KINDS | {name: point.load().Task for name, point in added.items() if name not in KINDS}


def metric_names() -> tuple[str, ...]:
    """Metrics a task may name, besides ``evaluate/NAME``."""
    return (*METRICS, *sorted(point.name for point in plugins("harness.metrics")))


def load_tasks(name: str, *, folder: Path | None = None) -> list[Task]:
    """The tasks of a name: one, or one for each domain where a spec has domains and the name is that of the whole.

    Raises:
        HarnessError: no such task, or the spec has a fault.
    """
    return [build_task(source, called) for called, source in sources_of(name, folder or Path())]


def load_task(name: str, *, folder: Path | None = None) -> Task:
    """A task by its shipped name, or by the path of a YAML file.

    Raises:
        HarnessError: no such task, the spec has a fault, or the name stands for several tasks.
    """
    found = sources_of(name, folder or Path())
    if len(found) > 1:
        several = ", ".join(called for called, _ in found)
        raise HarnessError(f"{name} is {len(found)} tasks, one for each domain; name one of {several}")
    return build_task(found[0][1], found[0][0])


def sources_of(name: str, folder: Path) -> list[tuple[str, Source]]:
    """Name and spec of each task that a name stands for.

    Raises:
        HarnessError: no such task, or its domains have a fault.
    """
    path, called, domain = find(name, folder)
    source = resolve_includes(read_yaml(path))
    return in_domains(source, called) if domain is None else [(f"{called}/{domain}", in_domain(source, domain))]


def derive_task(source: Source, others: Mapping[str, Task] | None = None) -> Task:
    """A task that a suite writes in place: ``name:``, ``include:`` and what differs; ``others`` are tasks it may name."""
    return build_task(resolve_includes(source), derived_name(source), others)


def derived_name(source: Source) -> str:
    """The name of a task that a suite writes in place.

    Raises:
        HarnessError: it has none, or that of a shipped task.
    """
    name = source.value.get("name")
    if not isinstance(name, str) or not name:
        raise HarnessError(f"{source.place(())}: a task written in a suite needs a name: of its own")
    if name in task_names():
        raise HarnessError(f"{source.place(('name',))}: {name!r} is a shipped task; give the derived one another name")
    return name


def build_task(source: Source, name: str, others: Mapping[str, Task] | None = None) -> Task:
    """Check a merged spec against the class of its kind."""
    if not isinstance(source.value, dict):
        raise HarnessError(f"{source.place(())}: found {source.value!r}; a spec is a mapping of fields to values")
    kind = source.value.get("kind")
    if kind not in kinds():
        found = "the field 'kind' is missing" if kind is None else f"unknown kind {kind!r}"
        raise HarnessError(f"{source.place(('kind',))}: {found}; {nearest(str(kind), kinds())}")
    task = check(kinds()[kind], source, name=name)
    task._source = source
    if isinstance(task, AffinityTask):
        return completed(task, source, others or {})
    check_files(task.data, source)
    if isinstance(task, ChoiceTask):
        check_metrics(task.metrics, CHOICE_METRICS, source)
    if isinstance(task, TranslationTask):
        check_metrics(task.metrics, TRANSLATION_METRICS, source)
    if isinstance(task, LabelledTask):
        check_metrics(task.metrics, metric_names(), source, "evaluate/")
    if isinstance(task, FinetuneTask) and isinstance(task.protocol, str):
        load_protocol(task.protocol, source)
    return task


def completed(task: AffinityTask, source: Source, others: Mapping[str, Task]) -> AffinityTask:
    """An affinity task with the data, split and rows of its downstream task, and its corpus ready to read.

    Raises:
        HarnessError: the downstream task does not exist, is of another kind, or has no classes where the score needs them.
    """
    try:
        of = others.get(task.of) or load_task_of_another_kind(task)
    except HarnessError as error:
        raise HarnessError(f"{source.place(('of',))}: {error}") from None
    if not isinstance(of, FinetuneTask):
        raise HarnessError(f"{source.place(('of',))}: {of.name} is of kind {of.kind}; expected a finetune task")
    if task.score in OF_CLASSES and of.labels is None:
        raise HarnessError(f"{source.place(('score',))}: {task.score} needs classes; {of.name} is a regression")
    split = task.splits.get("score") or of.splits.get("train") or of.splits["score"]
    rows = {name: count for name, count in of.rows.items() if name == split}
    found = task.model_copy(
        update={"data": with_files_at(of.data, of.folder), "splits": {"score": split}, "rows": rows}
    )
    found._downstream = of.model_copy(update={"splits": {"score": split}})
    found._corpus_text = corpus_text(task, source)
    return found


def load_task_of_another_kind(task: AffinityTask) -> Task:
    """The task that an affinity task speaks of; its kind is looked at first, since one might name the other in a ring.

    Raises:
        HarnessError: no such task, an affinity task, or the spec has a fault.
    """
    path, _, _ = find(task.of, task.folder)
    named = resolve_includes(read_yaml(path))
    if isinstance(named.value, dict) and named.value.get("kind") == "affinity":
        raise HarnessError(f"{task.of} is of kind affinity; expected a finetune task")
    return load_task(task.of, folder=task.folder)


def corpus_text(task: AffinityTask, source: Source) -> LmLossTask | None:
    """The corpus of an affinity task, as a task that reads it; equal corpora have one name, and are read once."""
    if task.corpus is None:
        return None
    check_files(task.corpus.data, source, "corpus")
    under = {place[1:]: where for place, where in source.places.items() if place[:1] == ("corpus",)}
    data = with_files_at(task.corpus.data, task.folder)
    found = LmLossTask(
        name=f"corpus {digest([data.definition(), task.corpus.definition()])[:16]}", description="text to compare with",
        kind="lm_loss", data=data, splits={"score": task.corpus.split}, text=task.corpus.text,
    )  # fmt: skip
    found._source = Source(source.path, task.corpus.definition(), under)
    return found


def with_files_at(data: Data, folder: Path) -> Data:
    """Data whose files are named from the root: another folder may read them."""
    if data.files is None:
        return data
    paths = tuple(str((folder / name).resolve()) for name in data.file_names)
    named = dict(zip(data.files, paths, strict=True)) if isinstance(data.files, dict) else paths
    return data.model_copy(update={"files": named})


def check_metrics(metrics: Sequence[str], valid: Sequence[str], source: Source, prefix: str | None = None) -> None:
    """Refuse a metric that does not exist; those that begin with ``prefix`` are looked up when they are used."""
    for number, metric in enumerate(metrics):
        if metric not in valid and not (prefix and metric.startswith(prefix)):
            raise HarnessError(
                f"{source.place(('metrics', number))}: unknown metric {metric!r}; {nearest(metric, valid)}"
            )


def check_files(data: Data, source: Source, *location: str | int) -> None:
    """Files of a spec stand beside it: nothing absolute, nothing above its folder."""
    for part, name in data.files.items() if isinstance(data.files, dict) else enumerate(data.files or ()):
        inside = os.path.normpath(name)
        if Path(inside).is_absolute() or inside.startswith("..") or ":" in name or "\\" in name:
            raise HarnessError(
                f"{source.place((*location, 'data', 'files', part))}: {name!r} leaves the folder of the spec; name a file "
                "beside it, or give the file on the command line with --text"
            )


def find(name: str, folder: Path) -> tuple[Path, str, str | None]:
    """The file of a task, the name its spec is shown by, and the domain that the name asks for.

    ``mine.yaml/news`` is the domain news of a file, ``wmt_domain/de-en/news`` that of a shipped spec.
    """
    if name in task_names():
        return shipped_tasks() / f"{name}.yaml", name, None
    whole, _, domain = name.rpartition("/")
    if whole in task_names():
        return shipped_tasks() / f"{whole}.yaml", whole, domain
    file, domain = (whole, domain) if whole.endswith(YAML) else (name, "")
    if file.endswith(YAML):
        if (folder / file).is_file():
            return folder / file, shown(file), domain or None
        raise HarnessError(
            f"no file {folder / file}; give a shipped task ('harness tasks list') or the path of a YAML file"
        )
    raise HarnessError(f"unknown task {name!r}; {nearest(name, task_names())}")


def shown(name: str) -> str:
    """The name a task is shown by: a file's, without its ending.

    >>> shown("./mine/de-en.yaml"), shown("mine/de-en.yaml/news"), shown("glue/rte")
    ('mine/de-en', 'mine/de-en/news', 'glue/rte')
    """
    whole, _, domain = name.rpartition("/")
    if whole.endswith(YAML):
        return f"{shown(whole)}/{domain}"
    return Path(name).with_suffix("").as_posix().lstrip("./") if name.endswith(YAML) else name


def resolve_includes(source: Source, depth: int = 0) -> Source:
    """Merge what ``include:`` names below the spec. A path is relative to the file and stays in its tree."""
    if not isinstance(source.value, dict) or "include" not in source.value:
        return source
    here, place = source.value["include"], source.place(("include",))
    if depth >= DEEPEST_INCLUDE:
        raise HarnessError(f"{place}: includes are nested deeper than {DEEPEST_INCLUDE}; is it a circle?")
    if not isinstance(here, str):
        raise HarnessError(f"{place}: include is {here!r}; name one task or one YAML file")
    path, domain = included(here, source)
    below = resolve_includes(read_yaml(path), depth + 1)
    below = below if domain is None else in_domain(below, domain)
    merged = merge(said_of_all(below, source), source)
    return Source(source.path, {k: v for k, v in merged.value.items() if k != "include"}, merged.places)


def included(here: str, source: Source) -> tuple[Path, str | None]:
    """The file that ``include:`` names, and the domain where it names one: a shipped task, or a file in the spec's tree."""
    place, whole, domain = source.place(("include",)), *here.rpartition("/")[::2]
    if here in task_names():
        return shipped_tasks() / f"{here}.yaml", None
    if whole in task_names():
        return shipped_tasks() / f"{whole}.yaml", domain
    file, domain = (whole, domain) if whole.endswith(YAML) else (here, "")
    if not file.endswith(YAML) or Path(file).is_absolute():
        raise HarnessError(f"{place}: nothing called {here!r}; {nearest(here, task_names())}")
    path = source.path.parent / file
    if Path(os.path.normpath(file)).parts[:1] == ("..",) and not path.resolve().is_relative_to(shipped_tasks()):
        raise HarnessError(f"{place}: {here!r} leaves the folder of the spec; include a file beside it")
    if not path.is_file():
        raise HarnessError(f"{place}: no file {path}")
    return path, domain or None


def load_protocol(name: str, asked_by: Source | None = None) -> Protocol:
    """A shared training recipe: ``tasks/_protocols/NAME.yaml``.

    Raises:
        HarnessError: no protocol of that name.
    """
    folder = shipped_tasks() / "_protocols"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in names:
        place = f"{asked_by.place(('protocol',))}: " if asked_by else ""
        raise HarnessError(f"{place}unknown protocol {name!r}; {nearest(name, names)}")
    return check(Protocol, read_yaml(folder / f"{name}.yaml"))


def protocol_of(task: FinetuneTask) -> Protocol:
    """The recipe a task is trained by."""
    return load_protocol(task.protocol) if isinstance(task.protocol, str) else task.protocol
