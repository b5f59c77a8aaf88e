"""Reading of lm-eval's result files, results_*.json.

A column is (task, version, number of shots, metric, filter), and the newest file wins for a model, a task, its version and
its shots. A model is its commit where lm-eval knows it, and else what the user says it is. The prompted task is not ours
of the same name: it is called lm_eval/TASK/N-shot and has a signature of its own. Outputs of single documents are not read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading, roles_in_order
from harness.results.exchange.foreign import Gathered, direction, foreign_context
from harness.results.exchange.lm_eval_model import Model, model_of
from harness.results.metric_names import unit
from harness.results.record import CheckpointInfo, Record
from harness.results.signature import key_of

NO_METRIC = ("alias", "name", "samples", "sample_len", "sample_count", " ")
SENTINEL = 999
"""What lm-eval writes in place of a score with --predict_only, under the metric ``bypass``."""
PERPLEXITIES = ("word_perplexity", "byte_perplexity", "bits_per_byte")
STDERR = "as lm-eval gives it"
UNNAMED = ("metadata", "dataset_kwargs", "tag", "group", "task_alias", "description_alias")
"""Parts of a task's config that do not decide its numbers; ``metadata`` holds the model's arguments since 0.4.9."""


@dataclass(frozen=True, slots=True)
class File:
    """A result file that was read."""

    path: Path
    line: Mapping[str, Any]
    date: float
    model: Model


def recognises(path: Path) -> bool:
    """Whether a file has the tables of lm-eval, or a folder has files called as it calls them."""
    if path.is_dir():
        return any(path.rglob("results_*.json"))
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        line = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(line, dict) and {"results", "versions"} <= line.keys()


def read(path: Path, reading: Reading) -> Content:
    """Read a file, or all of a folder.

    Raises:
        HarnessError: a file is no result file, or nothing in it may be taken.
    """
    gathered = Gathered(source=reading.source)
    files = [file_of(one, reading) for one in (sorted(path.rglob("results_*.json")) if path.is_dir() else [path])]
    newest: dict[tuple[Any, ...], File] = {}
    for file in sorted(files, key=lambda one: one.date):
        for task in tasks_of(file.line):
            newest[file.model.identity, task, str(version_of(file, task)), shots_of(file, task)] = file
    for (_, task, _, _), file in newest.items():
        take(file, task, reading, gathered)
    if not gathered.records:
        why = "; ".join(gathered.told()) or "its table of results is empty"
        raise HarnessError(f"{path}: nothing to import: {why}")
    source = reading.source or "lm-eval results"
    roles = roles_in_order(gathered.families, gathered.tasks, path.stem, source)
    return Content(
        path.stem, tuple(gathered.records.values()), gathered.checkpoints, gathered.contexts, roles,
        notes=(*gathered.told(), *notes_on(files)),
    )  # fmt: skip


def notes_on(files: list[File]) -> Iterator[str]:
    """What is to be known of the models."""
    unknown = dict.fromkeys(file.model.name for file in files if file.model.unknown)
    if unknown:
        yield (
            f"lm-eval does not tell the weights of {', '.join(unknown)}: their identity is made of their names and "
            "settings; say what they are with --identity NAME=FOLDER or --identity NAME=IDENTITY"
        )


def file_of(path: Path, reading: Reading) -> File:
    """Read a result file.

    Raises:
        HarnessError: it is none.
    """
    try:
        line = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(f"{path}: no JSON: {error}; expected a results_*.json of lm-eval") from None
    tables = line.get("results") if isinstance(line, dict) else None
    if not isinstance(tables, dict) or not all(isinstance(its, dict) for its in tables.values()):
        raise HarnessError(f"{path}: no table 'results' of tasks; expected a results_*.json of lm-eval")
    date = line.get("date")
    return File(path, line, float(date) if isinstance(date, int | float) else 0.0, model_of(path, line, reading))


def tasks_of(line: Mapping[str, Any]) -> list[str]:
    """Tasks with numbers of their own, and the groups that ``groups`` has; headings of groups are none."""
    groups = line.get("groups") or {}
    heads = {name for name, its in (line.get("group_subtasks") or {}).items() if its}
    return [name for name in {**line["results"], **groups} if name in groups or name not in heads]


def version_of(file: File, task: str) -> Any:
    """A task's version as lm-eval has it: a number, or a text for groups."""
    return (file.line.get("versions") or {}).get(task)


def shots_of(file: File, task: str) -> int:
    """How many examples stand before each question."""
    return int((file.line.get("n-shot") or {}).get(task) or 0)


def take(file: File, task: str, reading: Reading, gathered: Gathered) -> None:
    """The numbers of one task of one file."""
    numbers = (file.line.get("groups") or {}).get(task) or file.line["results"][task]
    counts = (file.line.get("n-samples") or {}).get(task) or {}
    original, effective = counts.get("original"), counts.get("effective")
    partial = f"limited to {effective} of {original} rows" if original and effective and effective < original else None
    columns = dict(columns_of(numbers, gathered))
    if partial and not reading.partial:
        for _ in columns:
            gathered.skip("measured on a part of the data (--limit); take them too with --partial")
        return
    if not columns:
        return
    model, name = file.model, f"lm_eval/{task}/{shots_of(file, task)}-shot"
    context = context_of(file, task, name, reading)
    gathered.add_context(context)
    info = CheckpointInfo(identity=model.identity, names=(model.name,), run=model.run, commit=model.commit,
                          parameters=model.parameters, made={"imported": "lm-eval"} if model.unknown else None)  # fmt: skip
    gathered.add_checkpoint(info, [reading.family or model.run])
    told = (file.line.get("higher_is_better") or {}).get(task) or {}
    upstream = all(metric.split(",")[0] in PERPLEXITIES for metric in columns)
    for metric, (value, stderr) in columns.items():
        where = f"{file.path}: {task}"
        better = direction(where, metric, told.get(metric.split(",")[0]), reading)
        record = Record(
            key=key_of(context["signature"], model.identity, None), metric=metric, value=value,
            unit=unit(metric.split(",")[0], [value]), higher_is_better=better, task=name,
            task_version=whole(version_of(file, task)), checkpoint=model.identity, signature=context["signature"],
            context=context["context"], stderr=stderr, stderr_method=None if stderr is None else STDERR,
            n=effective or numbers.get("sample_len"), partial=partial, warnings=warnings_of(file.line),
        )  # fmt: skip
        gathered.add(where, record, ["upstream" if upstream else "downstream"])


def columns_of(numbers: Mapping[str, Any], gathered: Gathered) -> Iterator[tuple[str, tuple[float, float | None]]]:
    """Metric, with its filter where it has one, to value and standard error; a missing error is "N/A" in the file."""
    for column, value in numbers.items():
        metric, _, filter = column.partition(",")
        if column in NO_METRIC or metric.endswith("_stderr") or isinstance(value, bool | str | None | dict | list):
            continue
        if metric == "bypass" or value == SENTINEL:
            gathered.skip("no scores but a placeholder (--predict_only)")
            continue
        if not math.isfinite(value):
            gathered.skip("no finite number")
            continue
        error = numbers.get(f"{metric}_stderr,{filter}" if filter else f"{metric}_stderr")
        known = float(error) if isinstance(error, int | float) and math.isfinite(error) else None
        named = column if filter not in ("", "none") else metric
        yield named, (float(value), known)


def context_of(file: File, task: str, name: str, reading: Reading) -> dict[str, Any]:
    """What decides whether two of lm-eval's numbers may be compared."""
    line = file.line
    config = (line.get("configs") or {}).get(task) or {}
    kept = {field: without_addresses(value) for field, value in config.items() if field not in UNNAMED}
    parts = {
        "version": version_of(file, task), "shots": shots_of(file, task), "config": kept, "settings": file.model.settings,
        "seed": (line.get("config") or {}).get("fewshot_seed"),
    }  # fmt: skip
    names = ("lm_eval_version", "transformers_version", "git_hash")
    versions = {field: line[field] for field in names if line.get(field)}
    return foreign_context(reading.source or "lm-eval results", name, "lm_eval", parts, versions)


def without_addresses(value: Any) -> Any:
    """A config without the addresses of functions, which differ from run to run.

    >>> without_addresses(["<function f at 0x7f00>", 1])
    ['<function f>', 1]
    """
    if isinstance(value, str):
        return re.sub(r" at 0x[0-9a-f]+", "", value)
    if isinstance(value, Mapping):
        return {name: without_addresses(one) for name, one in value.items()}
    return [without_addresses(one) for one in value] if isinstance(value, list) else value


def whole(version: Any) -> int:
    """The version as a record holds it; the exact one is part of the signature.

    >>> whole(2.1), whole("1.0"), whole(None), whole("N/A")
    (2, 1, 1, 1)
    """
    try:
        return int(float(version))
    except (TypeError, ValueError):
        return 1


def warnings_of(line: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes a file's numbers doubtful."""
    cached = (line.get("config") or {}).get("use_cache")
    return (
        ("answers may come from another model: made with lm-eval's response cache, which knows no models",)
        if cached
        else ()
    )


__all__ = ["read", "recognises"]
