"""What measuring takes: tokens, seconds and memory of each task, against the baseline's.

A cell is compared by the logarithm of its ratio, and a task by the mean over its cells (checkpoints and seeds). Machines
differ: seconds are held against a *reference* task in the same run, or else against the median over all other tasks, so
that what is told is which task got slower beside the others. The first measurement of a task in each folder reads its data
and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.errors import HarnessError, nearest
from harness.regress.cell import Compared, Difference, Measured, Name, Pair
from harness.regress.tolerance import Rule, tolerance_of
from harness.slopes.ordinary_least_squares import Array

QUANTITIES = {"seconds": "seconds", "tokens": "tokens", "peak_bytes": "bytes"}
LEAST_CELLS = 3
ALL = "*"


def costs(pairs: Iterable[Pair], rules: Sequence[Rule], reference: str | None = None) -> list[Compared]:
    """The costs of every task that both sides measured on three checkpoints or more, besides the first.

    Raises:
        HarnessError: the reference is no task that was compared.
    """
    by_task = ratios(pairs)
    if reference is not None and reference not in by_task:
        raise HarnessError(
            f"--reference {reference!r} is no task that both sides measured; {nearest(reference, by_task)}"
        )
    found = []
    for task, sides in by_task.items():
        for quantity, unit in QUANTITIES.items():
            logs = logs_of(sides, quantity)
            machine = speed(by_task, task, reference) if quantity == "seconds" else (0.0, 0.0)
            if task != reference and logs.shape[1] >= LEAST_CELLS and machine is not None:
                found.append(cost_cell(Name(task, quantity, ALL), unit, logs, machine, rules))
    return found


def ratios(pairs: Iterable[Pair]) -> dict[str, list[tuple[Measured, Measured]]]:
    """Task to its comparable measurements, each once, in the order of the baseline."""
    found: dict[str, dict[tuple[str, str], tuple[Measured, Measured]]] = {}
    for pair in pairs:
        if pair.now is not None and pair.why is None:
            first = pair.before.records[0]
            found.setdefault(first.task, {}).setdefault((first.checkpoint, first.signature), (pair.before, pair.now))
    return {task: list(sides.values())[1:] for task, sides in found.items()}


def logs_of(sides: Sequence[tuple[Measured, Measured]], quantity: str) -> Array:
    """Logarithms of a quantity before and now, (2, cells); cells that lack it are left out."""
    values = [[total(side, quantity) for side in both] for both in sides]
    known = [pair for pair in values if all(value is not None and value > 0 for value in pair)]
    return np.log(np.array(known, dtype=np.float64).reshape(-1, 2)).T


def total(side: Measured, quantity: str) -> float | None:
    """Mean over seeds of what a measurement took."""
    values = [getattr(record.cost, quantity) for record in side.records]
    return None if any(value is None for value in values) else float(np.mean(values))


def speed(
    by_task: Mapping[str, Sequence[tuple[Measured, Measured]]], task: str, reference: str | None
) -> tuple[float, float] | None:
    """How much longer everything else took, as a logarithm with its standard error; None where there is nothing else."""
    others = [reference] if reference is not None else [name for name in by_task if name != task]
    moved = [
        logs[1] - logs[0] for name in others if (logs := logs_of(by_task[name], "seconds")).shape[1] >= LEAST_CELLS
    ]
    if not moved:
        return None
    means = [float(part.mean()) for part in moved]
    if len(moved) == 1:
        return means[0], float(moved[0].std(ddof=1)) / math.sqrt(moved[0].size)
    return float(np.median(means)), float(np.std(means, ddof=1)) / math.sqrt(len(means))


def cost_cell(name: Name, unit: str, logs: Array, machine: tuple[float, float], rules: Sequence[Rule]) -> Compared:
    """The mean logarithm of a ratio, as a difference about the baseline's geometric mean."""
    moved, (faster, error) = logs[1] - logs[0] - machine[0], machine
    before = float(np.exp(logs[0].mean()))
    ratio = float(np.exp(moved.mean()))
    stderr = math.hypot(float(moved.std(ddof=1)) / math.sqrt(moved.size), error)
    difference = Difference(
        before * (ratio - 1), before * ratio * stderr, moved.size - 1, f"mean ratio over {moved.size} cells",
        examples=moved.size, example_variance=(before * ratio * stderr) ** 2, unchanged=not moved.any(),
    )  # fmt: skip
    return Compared(
        name=name, group="cost", unit=unit, higher_is_better=False, before=before, now=before * ratio, difference=difference,
        tolerance=tolerance_of(name, "cost", unit, rules),
        note=f"the machine took {math.exp(faster):.2f} times as long elsewhere" if name.metric == "seconds" else "",
    )  # fmt: skip
