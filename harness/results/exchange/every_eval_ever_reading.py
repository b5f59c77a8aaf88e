"""Reading Every Eval Ever: files that an export of ours wrote come back as they were, those of others as published numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.results.exchange.content import Content, Reading, roles_in_order
from harness.results.exchange.foreign import Gathered, direction, foreign_context
from harness.results.exchange.text_fields import OF_CHECKPOINT, OF_RECORD, from_texts
from harness.results.metric_names import unit
from harness.results.record import CheckpointInfo, Record
from harness.results.signature import digest, key_of

VERSIONS = ("0.2", "0.3")
"""Beginnings of the versions of the schema whose fields are read here."""


def recognises(path: Path) -> bool:
    """Whether a file, or the first JSON file of a folder, has the fields of the schema."""
    first = next(files_of(path), None)
    if first is None:
        return False
    try:
        line = json.loads(first.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(line, dict) and {"schema_version", "evaluation_results", "model_info"} <= line.keys()


def files_of(path: Path) -> Iterator[Path]:
    """The JSON files of a folder, or the one file."""
    if path.is_file() and path.suffix == ".json":
        yield path
    elif path.is_dir():
        yield from sorted(path.rglob("*.json"))


def read(path: Path, reading: Reading) -> Content:
    """Read a file or a folder of them.

    Raises:
        HarnessError: a file is not of this schema, or two tell two values of one measurement.
    """
    gathered = Gathered()
    for file in files_of(path):
        line = parsed(file)
        try:
            take(file, line, reading, gathered)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HarnessError(f"{file}: not as the schema has it ({type(error).__name__}: {error})") from None
    if not gathered.records:
        raise HarnessError(f"{path}: no result of Every Eval Ever in it; expected JSON files with evaluation_results")
    roles = roles_in_order(gathered.families, gathered.tasks, path.stem, reading.source or gathered.source)
    return Content(
        path.stem, tuple(gathered.records.values()), gathered.checkpoints, gathered.contexts, roles,
        notes=tuple(gathered.told()),
    )  # fmt: skip


def take(file: Path, line: Mapping[str, Any], reading: Reading, gathered: Gathered) -> None:
    """The results of a file, whoever wrote it."""
    if "identity" in (line["model_info"].get("additional_details") or {}):
        take_ours(file, line, gathered)
    else:
        take_foreign(file, line, reading, gathered)


def parsed(file: Path) -> dict[str, Any]:
    """A file's object.

    Raises:
        HarnessError: no JSON, another version of the schema, or a required field is missing.
    """
    try:
        line = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(f"{file}: no JSON: {error}") from None
    if not isinstance(line, dict) or not str(line.get("schema_version", "")).startswith(VERSIONS):
        found = line.get("schema_version") if isinstance(line, dict) else None
        raise HarnessError(
            f"{file}: schema_version is {found!r}; this version reads {', '.join(VERSIONS)} of Every Eval Ever"
        )
    lacking = [name for name in ("model_info", "source_metadata", "evaluation_results") if name not in line]
    if lacking:
        raise HarnessError(f"{file}: {lacking[0]} is missing, which the schema requires")
    return line


def take_ours(file: Path, line: Mapping[str, Any], gathered: Gathered) -> None:
    """Records of a file that an export of ours wrote."""
    model = line["model_info"]["additional_details"]
    gathered.add_checkpoint(
        CheckpointInfo.from_json(from_texts(str(file), model, OF_CHECKPOINT)), json.loads(model["families"])
    )
    for text in line["eval_library"].get("additional_details", {}).values():
        gathered.add_context(json.loads(text))
    identity = model["identity"]
    for number, result in enumerate(line["evaluation_results"]):
        where = f"{file}: evaluation_results[{number}]"
        roles = json.loads(result["metric_config"]["additional_details"]["roles"])
        rest = from_texts(where, result["score_details"].get("details", {}), OF_RECORD)
        known = {**plain_fields(result), **rest, "checkpoint": identity}
        gathered.add(where, Record.from_json(known), roles)


def plain_fields(result: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record stands in the schema's own fields; the unit is None where none is told."""
    config, score = result["metric_config"], result["score_details"]
    uncertainty = score.get("uncertainty") or {}
    error = uncertainty.get("standard_error") or {}
    names = (config.get(name) for name in ("metric_name", "metric_id", "evaluation_description"))
    return {
        "task": result["evaluation_name"], "metric": next((name for name in names if name), "score"),
        "value": float(score["score"]), "unit": config.get("metric_unit"),
        "higher_is_better": not config["lower_is_better"], "stderr": error.get("value"),
        "stderr_method": error.get("method"), "n": uncertainty.get("num_samples"),
    }  # fmt: skip


def take_foreign(file: Path, line: Mapping[str, Any], reading: Reading, gathered: Gathered) -> None:
    """Results of a file that someone else wrote, as published numbers."""
    model, given = line["model_info"], line["source_metadata"]
    details = model.get("additional_details") or {}
    said = ": ".join(given[name] for name in ("source_organization_name", "source_name") if given.get(name))
    source = reading.source or said or str(file)
    gathered.source = gathered.source or source
    revision = details.get("revision") or details.get("sha")
    name = f"{model['id']}@{revision}" if revision else model["id"]
    made = digest([model["id"], revision])[:16]
    identity = reading.identities.get(name) or reading.identities.get(model["id"]) or f"every_eval_ever:{made}"
    info = CheckpointInfo(identity=identity, names=(name,), run=model["id"], made={"imported": source})
    gathered.add_checkpoint(info, [reading.family or model["id"]])
    for number, result in enumerate(line["evaluation_results"]):
        where = f"{file}: evaluation_results[{number}]"
        fields = plain_fields(result)
        if result["metric_config"].get("score_type") == "levels":
            gathered.skip("levels of which some may mean unknown")
            continue
        parts = {name: result[name] for name in ("source_data", "generation_config") if name in result}
        parameters = result["metric_config"].get("metric_parameters")
        if not math.isfinite(fields["value"]):
            gathered.skip("no finite number")
            continue
        context = foreign_context(
            source, fields["task"], "every_eval_ever", parts | ({"metric_parameters": parameters} if parameters else {}),
            dict(line.get("eval_library", {})),
        )  # fmt: skip
        gathered.add_context(context)
        better = direction(where, fields["metric"], fields["higher_is_better"], reading)
        record = Record(
            key=key_of(context["signature"], identity, None), task_version=1, checkpoint=identity,
            signature=context["signature"], context=context["context"],
            **(fields | {"higher_is_better": better, "unit": fields["unit"] or unit(fields["metric"], [fields["value"]])}),
        )  # fmt: skip
        gathered.add(where, record, ["downstream"])


__all__ = ["read", "recognises"]
