"""Flatness records as the kind writes them: two families of two architectures, two runs of three steps, all estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from board_examples import LOSS, record

from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Roles
from harness.results.signature import digest
from harness.slopes.cell import Axis
from harness.slopes.flatness.draws import Draws

PER_PARAMETER = "nats per token per squared unit of parameter"
FAMILIES, RUNS, STEPS = ("small", "large"), (1, 2), (10, 100, 400)
ROLES = Roles(
    ("lm_loss/wiki",), ("flatness/fisher", "flatness/hessian", "flatness/sharpness", "flatness/spectrum"), ("glue/rte",),
    {f: tuple(f"{f}-{r}-{s}" for r in RUNS for s in STEPS) for f in FAMILIES},
)  # fmt: skip
TOKENS = np.full(40, 10.0)

Flat = tuple[list[Record], dict[str, CheckpointInfo], Roles, dict[tuple[str, str], Draws]]


def key_for(task: str, checkpoint: str) -> str:
    """The key of a measurement, which a folder of outcomes names its files by."""
    return digest([task, checkpoint])


def measured(checkpoint: str, task: str, metric: str, value: float, unit: str, group: str, **details: Any) -> Record:
    """One value of one measurement."""
    axis = Axis(task, metric, unit, "noise_for" in metric)
    own = {"interval": [value - 0.1 * abs(value), value + 0.1 * abs(value)], "comparable_group": group}
    key = key_for(task, checkpoint)
    return record(checkpoint, axis, value, key=key, stderr=0.05 * abs(value), details=own | details)


def places(step: int) -> dict[str, Any]:
    """Where the trace sits: more and more in the attention."""
    attention = {10: 0.2, 100: 0.4, 400: 0.6}[step]
    rest = {"embedding": 0.35 - attention / 2, "attention": attention, "mlp": 0.65 - attention / 2}
    layers = {"embedding": {"embedding": rest["embedding"]}} | {
        f"layer {n}": {"attention": attention * part, "mlp": rest["mlp"] * part} for n, part in enumerate((0.7, 0.3))
    }
    return {"by_block": rest, "by_block_stderr": dict.fromkeys(rest, 0.01), "by_place": layers}


def of_checkpoint(family: str, run: int, step: int) -> tuple[list[Record], Draws]:
    """All flatness records of a checkpoint, and the draws of its Fisher trace."""
    name = f"{family}-{run}-{step}"
    rng = np.random.default_rng(7)  # the same sequences for all
    own = np.random.default_rng([run, step])
    trace = {"small": 900.0, "large": 200.0}[family] * (1 + 100 / step) * (1 + 0.05 * run)
    term = trace * TOKENS * rng.gamma(16, 1 / 16, 40) * own.gamma(400, 1 / 400, 40)
    value, row = float(term.sum() / TOKENS.sum()), trace / 100
    kind, tokens, loss = f"architecture {family}", "one tokenizer", 5 - np.log10(step)
    found = [
        measured(
            name, "flatness/fisher", "fisher_trace", value, PER_PARAMETER, kind, nats_per_token=loss, **places(step)
        ),
        measured(name, "flatness/fisher", "row_normalised_fisher", row, "nats per token", tokens),
        measured(name, "flatness/fisher", "fisher_rao_norm", 3 * row, "nats per token", tokens),
        measured(name, "flatness/fisher", "noise_for_0.1_nat", (0.2 / row) ** 0.5, "of each row's length", tokens),
        measured(name, "flatness/hessian", "hessian_trace", 0.8 * value, PER_PARAMETER, kind, **places(step)),
        measured(name, "flatness/spectrum", "largest_eigenvalue", value / 20, PER_PARAMETER, kind),
    ]
    rises = {rho: rho**2 * row / 2 for rho in (0.02, 0.05, 0.1, 0.2)}
    found += [
        measured(
            name, "flatness/sharpness", f"loss_rise_noise_{rho}", rise, "nats per token", tokens, nats_per_token=loss
        )
        for rho, rise in rises.items()
    ]
    found.append(measured(name, "flatness/sharpness", "loss_rise_ascent_0.01", 0.3, "nats per token", tokens))
    found.append(
        measured(name, "flatness/sharpness", "measured_noise_for_0.1_nat", 0.12, "of each row's length", tokens)
    )
    return found, Draws(np.arange(40), term, TOKENS)


def flat() -> Flat:
    """Records, checkpoints, roles and draws of a board with every flatness estimator."""
    records: list[Record] = []
    checkpoints: dict[str, CheckpointInfo] = {}
    draws: dict[tuple[str, str], Draws] = {}
    for family in FAMILIES:
        for run in RUNS:
            for step in STEPS:
                name = f"{family}-{run}-{step}"
                checkpoints[name] = CheckpointInfo(identity=name, names=(name,), run=f"{family}/{run}", step=step)
                found, drawn = of_checkpoint(family, run, step)
                records += [*found, record(name, LOSS, 5 - float(np.log10(step)))]
                draws[found[0].key, "fisher_trace"] = drawn
    return records, checkpoints, ROLES, draws
