"""Results folders made by hand: cells with outcomes of single examples, under the names and signatures that a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.results import CheckpointInfo, Cost, Record, Store, digest, key_of
from harness.results.outcomes import write_shard

UNITS = {
    "accuracy": ("fraction", True, "finetune"), "f1": ("fraction", True, "finetune"), "acc": ("fraction", True, "choice"),
    "nats_per_token": ("nats per token", False, "lm_loss"), "bits_per_byte": ("bits per byte", False, "lm_loss"),
    "fisher_trace": ("nats per token per squared unit of parameter", False, "flatness"),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One measurement: outcomes of a seed each, (S, N) or (N,); or values alone."""

    task: str = "glue/rte"
    metric: str = "accuracy"
    outcomes: Any = None
    weights: Any = None
    values: Sequence[float] = ()
    stderr: float | None = 0.01
    checkpoint: str = "model"
    seeded: bool | None = None
    version: str = "1"
    error: str | None = None
    partial: str | None = None
    tokenizer: str = "t"
    seconds: float = 1.0
    tokens: int = 100
    kind: str | None = None
    details: Mapping[str, Any] | None = None
    more: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Other metrics of the same measurement: a value a seed."""


def folder(path: Path, *cells: Cell, identity: str = "weights:1", suite: str | None = None) -> Path:
    """Write a results folder; its checkpoints' identities begin with ``identity``."""
    with Store.writing(path) as writer:
        for cell in cells:
            info = CheckpointInfo(
                identity=f"{identity}:{cell.checkpoint}",
                names=(cell.checkpoint,),
                run=cell.checkpoint,
                tokenizer=cell.tokenizer,
            )
            for number, records in enumerate(records_of(cell, info.identity)):
                writer.add(records, context_of(cell), info)
                save_outcomes(path, cell, records[0].key, number)
    if suite is not None:
        (path / "suite.yaml").write_text(suite)
    return path


def context_of(cell: Cell) -> dict[str, Any]:
    kind = cell.kind or UNITS[cell.metric][2]
    parts = {"task": {"name": cell.task, "kind": kind}, "measured_by": f"{kind}/{cell.version}"}
    return {"context": digest(parts), "signature": digest(parts), "parts": parts}


def records_of(cell: Cell, identity: str) -> list[list[Record]]:
    """The records of each seed, the cell's own metric first."""
    context = context_of(cell)
    values = list(cell.values) if cell.outcomes is None else [float(o.sum() / w.sum()) for o, w in tables(cell)]
    seeded = cell.seeded if cell.seeded is not None else UNITS[cell.metric][2] == "finetune"
    found = []
    for number, value in enumerate(values):
        seed = number + 1 if seeded else None
        metrics = {cell.metric: value, **{name: more[number] for name, more in cell.more.items()}}
        found.append([
            Record(
                key=key_of(context["signature"], identity, seed), metric="error" if cell.error else metric,
                value=None if cell.error else v, unit=UNITS[metric][0], higher_is_better=UNITS[metric][1], task=cell.task,
                task_version=1, checkpoint=identity, signature=context["signature"], context=context["context"],
                stderr=cell.stderr, seed=seed, error=cell.error, partial=cell.partial, details=cell.details,
                cost=Cost(cell.seconds, cell.tokens, 1000),
            )
            for metric, v in metrics.items()
        ])  # fmt: skip
    return found


def tables(cell: Cell) -> list[tuple[np.ndarray, np.ndarray]]:
    """Outcomes and weights of each seed."""
    outcomes = np.atleast_2d(np.asarray(cell.outcomes, dtype=np.float64))
    weights = np.ones(outcomes.shape[1]) if cell.weights is None else np.asarray(cell.weights, dtype=np.float64)
    return [(outcome, weights) for outcome in outcomes]


def save_outcomes(path: Path, cell: Cell, key: str, number: int) -> None:
    if cell.outcomes is None:
        return
    outcome, weight = tables(cell)[number]
    rows = np.arange(outcome.size)
    metric = "correct" if cell.metric == "accuracy" else cell.metric
    write_shard(path, key, [{"metric": metric, "row": rows, "cluster": rows, "outcome": outcome, "weight": weight}])


def right(share: float, number: int = 400, *, seeds: int = 3, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Right and wrong (S, N): every run has the easiest examples right, the level of each moved by ``noise``."""
    draws = np.random.default_rng(seed)
    levels = share + (draws.normal(0, noise, seeds) if noise else np.zeros(seeds))
    return np.stack([(np.arange(number) < round(level * number)).astype(float) for level in levels])
