"""Every Eval Ever, schema 0.3.0: one JSON file a checkpoint, under data/TITLE/DEVELOPER/MODEL/ as its repository wants it.

A record's value, direction, unit, standard error and n stand in the fields of the schema; whatever else a record, its
checkpoint and its context say stands as text in the fields ``details`` and ``additional_details``, which are free.
The fields are those of ``every_eval_ever/schemas/eval.schema.json`` in the package every-eval-ever 0.3.0.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import harness
from harness.errors import HarnessError, nearest
from harness.results.exchange.content import Content, Terms, Written
from harness.results.exchange.every_eval_ever_reading import read, recognises
from harness.results.exchange.text_fields import OF_CHECKPOINT, OF_RECORD, as_texts
from harness.results.record import CheckpointInfo, Record
from harness.results.signature import digest

SCHEMA = "0.3.0"
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
LOST = (
    "failed measurements, what models wrote, outcomes of single examples, and of the suite all but families and roles"
)

__all__ = ["LOST", "RELATIONSHIPS", "SCHEMA", "document", "read", "recognises", "write"]


def write(content: Content, output: Path, terms: Terms) -> Written:
    """Write a folder of JSON files.

    Raises:
        HarnessError: the schema asks for an organization and none is given, or the relationship is none of its own.
    """
    if not terms.organization.strip():
        raise HarnessError(
            "Every Eval Ever asks who provides the numbers, and no record says so; give it with --organization NAME"
        )
    if terms.relationship not in RELATIONSHIPS:
        raise HarnessError(f"--relationship {terms.relationship!r}: {nearest(terms.relationship, RELATIONSHIPS)}")
    by_checkpoint: dict[str, list[Record]] = {}
    for record in content.records:
        if record.error is None:
            by_checkpoint.setdefault(record.checkpoint, []).append(record)
    now, paths = int(time.time()), []
    for identity, records in by_checkpoint.items():
        path = output / place_of(content, content.checkpoints[identity])
        path.parent.mkdir(parents=True, exist_ok=True)
        line = document(content, content.checkpoints[identity], records, terms, now)
        path.write_text(json.dumps(line, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        paths.append(path)
    return Written(tuple(paths), sum(map(len, by_checkpoint.values())), LOST)


def place_of(content: Content, info: CheckpointInfo) -> Path:
    """Where a checkpoint's file stands; the same checkpoint of the same folder has the same place again."""
    developer, _, model = info.names[0].rpartition("/")
    name = uuid.UUID(digest([content.title, info.identity])[:32], version=4)
    return Path("data", *(in_path(part) for part in (content.title, developer or "unknown", model)), f"{name}.json")


def in_path(name: str) -> str:
    """A name as one part of a path.

    >>> in_path("wiki-bert/seed=1"), in_path("..")
    ('wiki-bert_seed=1', '_')
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_.=@+" else "_" for letter in name)
    return safe if safe.strip(".") else "_"


def document(
    content: Content, info: CheckpointInfo, records: Sequence[Record], terms: Terms, now: int
) -> dict[str, Any]:
    """The records of one checkpoint.

    Args:
        content: What they are of.
        info: The checkpoint.
        records: Its records, none of a failure.
        terms: Who measured.
        now: Seconds since 1970, UTC: when the file was made.
    """
    contexts = [
        content.contexts[name] for name in dict.fromkeys(r.context for r in records) if name in content.contexts
    ]
    published = bool(contexts) and all("imported" in context.get("parts", {}) for context in contexts)
    model = info.names[0]
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{content.title}/{model}/{now}",
        "retrieved_timestamp": str(now),
        "source_metadata": {
            "source_name": content.title,
            "source_type": "documentation" if published else "evaluation_run",
            "source_organization_name": terms.organization,
            "evaluator_relationship": terms.relationship,
        },
        "eval_library": {
            "name": "transfer-harness",
            "version": harness.__version__,
            "additional_details": {c["context"]: json.dumps(dict(c), ensure_ascii=False) for c in contexts},
        },
        "model_info": {
            "name": model,
            "id": model,
            "additional_details": {
                "deployment_type": "unknown" if published else "self_deployed",
                "model_availability": "open_weights" if info.commit else "unknown",
                **as_texts(info.to_json(), OF_CHECKPOINT),
                "families": json.dumps(content.families_of(info.identity), ensure_ascii=False),
            },
        },
        "evaluation_results": [result_of(content, record) for record in records],
    }


def result_of(content: Content, record: Record) -> dict[str, Any]:
    """One record as an evaluation result."""
    score: dict[str, Any] = {"score": record.value, "details": as_texts(record.to_json(), OF_RECORD)}
    uncertainty: dict[str, Any] = {}
    if record.stderr is not None:
        method = {"method": record.stderr_method} if record.stderr_method else {}
        uncertainty["standard_error"] = {"value": record.stderr, **method}
    if record.n is not None:
        uncertainty["num_samples"] = record.n
    if uncertainty:
        score["uncertainty"] = uncertainty
    return {
        "evaluation_result_id": f"{record.key}/{record.metric}",
        "evaluation_name": record.task,
        "source_data": source_data(record, content.contexts.get(record.context, {})),
        "metric_config": {
            "metric_id": record.metric,
            "metric_name": record.metric,
            "metric_unit": record.unit,
            "lower_is_better": not record.higher_is_better,
            "additional_details": {"roles": json.dumps(content.roles_of(record.task))},
        },
        "score_details": score,
    }


def source_data(record: Record, context: Mapping[str, Any]) -> dict[str, Any]:
    """The data a record was measured on: of the Hub, or of another kind."""
    task = context.get("parts", {}).get("task")
    task = task if isinstance(task, Mapping) else {}
    path = task.get("data", {}).get("path")
    if not path or path.startswith("local/"):
        return {"dataset_name": record.task, "source_type": "other"}
    split = task.get("splits", {}).get("score")
    return {"dataset_name": task["data"].get("name") or path, "source_type": "hf_dataset", "hf_repo": path,
            **({"hf_split": split} if split else {})}  # fmt: skip
