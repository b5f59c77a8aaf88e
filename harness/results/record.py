"""One measured number with all that made it, and the lines it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from sys import intern
from typing import Any

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one measurement took: wall-clock seconds, tokens seen by the model, peak memory in bytes."""

    seconds: float | None = None
    tokens: int | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of ``results.jsonl``: a metric of one measurement, or the error that stood in its way.

    ``key`` names the measurement (signature + checkpoint identity + seed); (key, metric) is unique.
    ``value`` is None exactly when ``error`` is set.
    """

    key: str
    metric: str
    value: float | None
    unit: str
    higher_is_better: bool
    task: str
    task_version: int
    checkpoint: str
    signature: str
    context: str
    stderr: float | None = None
    stderr_method: str | None = None
    n: int | None = None
    seed: int | None = None
    stage: str = "selected"
    selected: Mapping[str, Any] | None = None
    partial: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] | None = None
    cost: Cost = field(default_factory=Cost)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The line to store: optional fields that are empty are left out."""
        line = asdict(self)
        return {name: line[name] for name in ORDER if name in ALWAYS or line[name] not in (None, (), {})}

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Record:
        """Read a stored line.

        Raises:
            ValueError: the line lacks a field, has one that is unknown, or another schema.
        """
        if line.get("schema") != SCHEMA:
            raise ValueError(f"record schema {line.get('schema')!r}; this version reads {SCHEMA}")
        unknown = line.keys() - FIELDS
        if unknown:
            raise ValueError(f"record has unknown fields {sorted(unknown)}")
        missing = REQUIRED - line.keys()
        if missing:
            raise ValueError(f"record lacks {sorted(missing)}")
        values = dict(line)
        values["cost"] = Cost(**values.get("cost", {}))
        values["warnings"] = tuple(values.get("warnings", ()))
        for name in REPEATED:
            if type(values.get(name)) is str:
                values[name] = intern(values[name])
        return cls(**values)


ALWAYS = ("schema", "key", "metric", "value", "stderr", "n", "unit", "higher_is_better", "task", "task_version",
          "checkpoint", "seed", "stage", "signature", "context", "cost")  # fmt: skip
ORDER = ("schema", "key", "metric", "value", "stderr", "stderr_method", "n", "unit", "higher_is_better", "task",
         "task_version", "checkpoint", "seed", "stage", "selected", "partial", "error", "warnings", "details",
         "signature", "context", "cost")  # fmt: skip
FIELDS = {f.name for f in fields(Record)}
REQUIRED = {"key", "metric", "value", "unit", "higher_is_better", "task", "task_version", "checkpoint", "signature",
            "context"}  # fmt: skip


REPEATED = ("metric", "unit", "task", "checkpoint", "signature", "context", "stage", "stderr_method")
"""Strings that many records share: kept once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """One line of ``checkpoints.jsonl``: what is known of one identity.

    ``run`` is the training run, the unit of resampling; checkpoints of one run share it.
    ``names`` are the names a user or a suite called it by.
    """

    identity: str
    names: tuple[str, ...]
    run: str
    commit: str | None = None
    parent: str | None = None
    step: int | None = None
    training_seed: int | None = None
    corpus: str | None = None
    objective: str | None = None
    architecture: str | None = None
    tokenizer: str | None = None
    parameters: int | None = None
    made: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The line to store: what is unknown is left out."""
        line = asdict(self)
        return {name: value for name, value in line.items() if value is not None}

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> CheckpointInfo:
        """Read a stored line."""
        return cls(**{**line, "names": tuple(line["names"])})
