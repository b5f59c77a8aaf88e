"""A results folder of a chosen size, as a leaderboard of many families would leave it: to time reading and fitting."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.results import CheckpointInfo, Roles
from harness.results.store import CHECKPOINTS, CONTEXTS, RESULTS

LOSS, BATCH = "lm_loss/wiki", 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each; there are ``families * tasks * checkpoints * seeds`` records and one loss a checkpoint."""

    families: int = 200
    tasks: int = 50
    checkpoints: int = 20
    seeds: int = 5

    @property
    def roles(self) -> Roles:
        """What the suite of the folder says."""
        names = {f: tuple(self.name(f, c) for c in range(self.checkpoints)) for f in map(self.family, self.numbers)}
        return Roles((LOSS,), (), tuple(f"glue/task{t:02d}" for t in range(self.tasks)), names)

    @property
    def numbers(self) -> range:
        """Numbers of the families."""
        return range(self.families)

    @staticmethod
    def family(number: int) -> str:
        """The name of a family."""
        return f"family{number:03d}"

    @staticmethod
    def name(family: str, checkpoint: int) -> str:
        """The name of a checkpoint."""
        return f"{family}/{checkpoint:02d}"


def write_folder(folder: Path, size: Size, seed: int = 0) -> Path:
    """Write results, contexts, checkpoints and suite; every second family has runs of four steps, the others of one.

    Accuracies fall with the loss as a line, a sigmoid or a broken line, with noise between checkpoints and seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CHECKPOINTS).open("w") as file:
        for number in size.numbers:
            for info in checkpoints(size, number):
                file.write(json.dumps(info.to_json()) + "\n")
    contexts = [{"context": hash_of(f"context {t}"), "parts": {"task": t}} for t in (LOSS, *size.roles.downstream)]
    (folder / CONTEXTS).write_text("".join(json.dumps(context) + "\n" for context in contexts))
    suite = {
        "families": {name: {"checkpoints": list(members)} for name, members in size.roles.families.items()},
        "tasks": {"upstream": [LOSS], "downstream": list(size.roles.downstream)},
    }
    (folder / "suite.yaml").write_text(json.dumps(suite))  # JSON is YAML
    rng = np.random.default_rng(seed)
    with (folder / RESULTS).open("w") as file:
        for number in size.numbers:
            file.writelines(lines(size, number, rng))
    return folder


def checkpoints(size: Size, number: int) -> Iterator[CheckpointInfo]:
    """What is known of a family's checkpoints."""
    family, steps = Size.family(number), 4 if number % 2 else 1
    for c in range(size.checkpoints):
        name = Size.name(family, c)
        yield CheckpointInfo(
            identity=f"weights:{hash_of(name)}", names=(name,), run=f"{family}/run={c // steps}", step=c % steps,
            objective="causal", tokenizer=hash_of("tokenizer"), parameters=10**6,
        )  # fmt: skip


def lines(size: Size, number: int, rng: np.random.Generator) -> Iterator[str]:
    """A family's lines of ``results.jsonl``."""
    identities = [info.identity for info in checkpoints(size, number)]
    loss = np.sort(rng.uniform(2.2, 4.0, size.checkpoints))
    if number % 2:
        loss = loss.reshape(4, -1).T.ravel()
    for identity, value in zip(identities, loss, strict=True):
        yield line(LOSS, "nats_per_token", "nats per token", identity, None, float(value), 0.004, "{}")
    for t, task in enumerate(size.roles.downstream):
        true = shape(t, loss) + rng.normal(0, 0.006, loss.size)
        values = np.round((true[:, None] + rng.normal(0, 0.008, (loss.size, size.seeds))) * 2000) / 2000
        for identity, row in zip(identities, values, strict=True):
            for s, value in enumerate(row.tolist()):
                yield line(task, "accuracy", "fraction", identity, s + 1, value, 0.0107, '{"chance": 0.5}')


def shape(task: int, loss: np.ndarray) -> np.ndarray:
    """Accuracy by loss: a line, a sigmoid or a broken line, in turn, each of its own slope."""
    steep = 0.08 + 0.06 * ((task * 7) % 50) / 50
    if task % 3 == 0:
        return 0.95 - steep * (loss - 2)
    if task % 3 == 1:
        return 0.55 + 0.4 / (1 + np.exp(20 * steep * (loss - 3)))
    return 0.92 - steep * np.minimum(loss - 2, 1.1) - 0.3 * steep * np.maximum(loss - 3.1, 0)


def line(
    task: str, metric: str, unit: str, identity: str, seed: int | None, value: float, stderr: float, details: str
) -> str:
    """One line, its fields in the store's order."""
    signature = hash_of(f"signature {task}")
    key = hash_of(f"{signature} {identity} {seed}")
    higher = "false" if math.isclose(stderr, 0.004) else "true"
    return (
        f'{{"schema": 1, "key": "{key}", "metric": "{metric}", "value": {value!r}, "stderr": {stderr}, '
        f'"stderr_method": "sd of 2000 outcomes", "n": 2000, "unit": "{unit}", "higher_is_better": {higher}, '
        f'"task": "{task}", "task_version": 1, "checkpoint": "{identity}", "seed": {json.dumps(seed)}, '
        f'"stage": "selected", "details": {details}, "signature": "{signature}", '
        f'"context": "{hash_of(f"context {task}")}", '
        '"cost": {"seconds": 12.125, "tokens": 174233, "peak_bytes": 869203968}}\n'
    )


def hash_of(text: str) -> str:
    """SHA-256, as identities and keys are."""
    return hashlib.sha256(text.encode()).hexdigest()
