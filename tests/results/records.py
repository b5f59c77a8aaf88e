"""Records for tests."""

from __future__ import annotations

from typing import Any

from harness.results import CheckpointInfo, Record, digest, key_of


def a_record(*, task: str = "lm_loss/wiki", checkpoint: str = "c1", seed: int | None = None, **changes: Any) -> Record:
    signature = digest({"task": task})
    values: dict[str, Any] = {
        "key": key_of(signature, checkpoint, seed), "metric": "nats_per_token", "value": 3.5, "stderr": 0.01,
        "stderr_method": "ratio", "n": 100, "unit": "nats per token", "higher_is_better": False, "task": task,
        "task_version": 1, "checkpoint": checkpoint, "seed": seed, "signature": signature, "context": digest(task),
    }  # fmt: skip
    return Record(**(values | changes))


def an_info(identity: str = "c1", **changes: Any) -> CheckpointInfo:
    return CheckpointInfo(**({"identity": identity, "names": (identity,), "run": identity} | changes))


def a_context(task: str = "lm_loss/wiki") -> dict[str, Any]:
    return {"context": digest(task), "signature": digest({"task": task}), "parts": {"task": task}}
