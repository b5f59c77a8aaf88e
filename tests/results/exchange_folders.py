"""A small leaderboard folder in memory, with everything that a format might lose."""

from __future__ import annotations

from typing import Any

from harness.results import CheckpointInfo, Cost, Record, Roles, digest, key_of
from harness.results.exchange.content import Content

REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
LOSS = {
    "task": {"name": "my/loss", "kind": "lm_loss", "data": {"files": ["a.txt"]}, "splits": {"score": "train"}},
    "version": 1, "measured_by": "lm_loss/1", "objective": "causal",
}  # fmt: skip
RTE = {
    "task": {"name": "glue/rte", "kind": "finetune", "data": {"path": "nyu-mll/glue", "name": "rte"}, "splits": {"score": "validation"}},
    "data": {"revision": REVISION}, "version": 1, "measured_by": "finetune/2", "objective": "causal",
}  # fmt: skip


def a_context(parts: dict[str, Any]) -> dict[str, Any]:
    line = {"signature": digest(parts), "parts": parts, "versions": {"torch": "2.13.0"}, "device": "cpu"}
    return {"context": digest(line), **line}


def a_record(parts: dict[str, Any], checkpoint: str, **changes: Any) -> Record:
    context, seed = a_context(parts), changes.get("seed")
    values: dict[str, Any] = {
        "key": key_of(context["signature"], checkpoint, seed), "metric": "accuracy", "value": 0.6643, "stderr": 0.0284,
        "stderr_method": "binomial", "n": 277, "unit": "fraction", "higher_is_better": True, "task": parts["task"]["name"],
        "task_version": 1, "checkpoint": checkpoint, "signature": context["signature"], "context": context["context"],
        "cost": Cost(12.5, 4096, 1 << 40),
    }  # fmt: skip
    return Record(**(values | changes))


def a_loss(checkpoint: str, value: float) -> Record:
    return a_record(LOSS, checkpoint, metric="nats_per_token", unit="nats per token", higher_is_better=False, value=value,
                    stderr=None, stderr_method=None, n=None)  # fmt: skip


FIRST = CheckpointInfo(
    identity="c" * 40, names=("org/model@step1", 'a "quoted", name'), run="org/model", commit="c" * 40, step=1,
    parameters=7_000_000, objective="causal", made={"maker": "pretrain", "nested": [1, 2.5]},
)  # fmt: skip
SECOND = CheckpointInfo(identity="weights:ab", names=("family/<img src=x>_50%",), run="r&d", training_seed=3)

RECORDS = (
    a_loss(FIRST.identity, 0.1 + 0.2), a_loss(SECOND.identity, 1e-17),
    a_record(RTE, FIRST.identity, seed=1, selected={"key": "k", "split": "validation"}, warnings=("one, two",),
             details={"chance": 0.527}),
    a_record(RTE, FIRST.identity, seed=2, value=0.70), a_record(RTE, FIRST.identity, seed=2, metric="f1", value=0.5),
    a_record(RTE, FIRST.identity, seed=3, partial="limited to 10 rows", value=1),
    a_record(RTE, SECOND.identity, seed=1, stage="grid", value=0.4),
)  # fmt: skip
FAILURE = a_record(RTE, SECOND.identity, seed=2, metric="error", value=None, stderr=None, stderr_method=None, n=None, unit="",
                   higher_is_better=False, error="out of memory\nat line 2", cost=Cost())  # fmt: skip

CONTENT = Content(
    title="a-board",
    records=(*RECORDS, FAILURE),
    checkpoints={info.identity: info for info in (FIRST, SECOND)},
    contexts={context["context"]: context for context in map(a_context, (LOSS, RTE))},
    roles=Roles(
        upstream=("my/loss",), flatness=(), downstream=("glue/rte", "my/loss"),
        families={"f": (FIRST.names[0], SECOND.names[0]), "g": (SECOND.names[0],)}, title="A board",
    ),
    suite="title: A board\nfamilies: {}\n",
)  # fmt: skip
