"""How often ``harness regress`` calls noise a regression, and how often it sees a drop that was planted.

``python tests/regress/false_alarms.py 4000 alarms`` prints one table, ``500 power`` the other; the slow tests ask for fewer draws. Fine-tuned accuracies have
the variance between runs and between examples that the committed leaderboards have (``measured``, printed first); losses have
documents that differ ten times as much as the two checkpoints do. Everything goes through the functions that the command calls.
"""

from __future__ import annotations

import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator

from harness.paired.paired_t import Array
from harness.regress.cell import Compared, Name, Tolerance
from harness.regress.difference import crossed, paired, pseudo_values, unexplained
from harness.regress.outcomes import lined_up, of_records, read_kept, sums_by_cluster
from harness.regress.verdict import LEAST_SEEDS, judged
from harness.results import Store

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
MEASURED = ("quickstart", "first-light", "wiki-steps", "same-loss-pcfg")


@dataclass(frozen=True)
class Spread:
    """Accuracy of one fine-tuning task: its level, the standard deviation between runs beyond the choice of examples, and the
    variance between examples of how often a run has them right."""

    name: str
    level: float
    between_runs: float
    between_examples: float
    examples: int


def measured() -> Iterator[Spread]:
    """What committed leaderboards say of every fine-tuned accuracy: checkpoints that differ in their training seed alone.

    Each is fine-tuned under one seed, so that the seeds of training and of fine-tuning are in it together.
    """
    for board in MEASURED:
        for (task, metric), groups in alike(LEADERBOARDS / board).items():
            tables = [values for values in groups if values.shape[0] > 1]
            if metric == "accuracy" and tables:
                yield spread_of(f"{board}: {task}", tables)


def alike(folder: Path) -> dict[tuple[str, str], list[Array]]:
    """Pseudo-values (runs, examples) of checkpoints whose names differ in their seed alone, by task and metric."""
    store, groups = Store(folder), defaultdict(list)
    for record in store.records:
        if record.stage == "selected" and record.error is None and record.seed is not None:
            name = store.checkpoints[record.checkpoint].names[0]
            groups[record.task, record.metric, re.sub(r"seed=\d+", "seed=", name)].append(record)
    kept = read_kept(folder, {record.key for found in groups.values() for record in found})
    tables: dict[tuple[str, str], list[Array]] = defaultdict(list)
    for (task, metric, _), records in groups.items():
        found = of_records(records, kept)
        if found is not None and lined_up(found, found):
            tables[task, metric].append(pseudo_values(*sums_by_cluster(found)))
    return tables


def spread_of(name: str, tables: Sequence[Array]) -> Spread:
    """Variance components of several tables of runs by examples, by the mean squares of a two-way layout."""
    runs, examples = tables[0].shape
    left = np.mean([unexplained(table) for table in tables])
    between = np.mean([table.mean(axis=1).var(ddof=1) for table in tables]) - left / examples
    items = np.mean([table.mean(axis=0).var(ddof=1) for table in tables]) - left / runs
    level = float(np.mean([table.mean() for table in tables]))
    return Spread(name, level, math.sqrt(max(float(between), 0.0)), float(items), examples)


def accuracy(spread: Spread, seeds: int, drop: float, chance: Array, draws: Generator) -> Array:
    """Right and wrong (seeds, examples): each example is had right with its own chance, each run is better or worse in all.

    Args:
        spread: how much of each.
        seeds: how many runs.
        drop: how much lower the level is.
        chance: (E,) of each example at the level of ``spread``.
        draws: random numbers.
    """
    run = draws.normal(-drop, spread.between_runs, (seeds, 1))
    room = chance * (1 - chance)  # an example that is always right stays so
    moved = np.clip(chance + run * room / room.mean(), 0, 1)
    return (draws.random((seeds, chance.size)) < moved).astype(np.float64)


def chances(spread: Spread, draws: Generator) -> Array:
    """How often a run has each example right: beta with the level and the variance between examples."""
    size = max(spread.level * (1 - spread.level) / spread.between_examples - 1, 0.05)
    return draws.beta(spread.level * size, (1 - spread.level) * size, spread.examples)


def fine_tuned(
    spread: Spread, seeds: int, drop: float, tolerance: float, draws: Generator, number: int = 0
) -> Compared:
    """A fine-tuned accuracy before and after a drop."""
    chance = chances(spread, draws)
    sides = [accuracy(spread, seeds, lower, chance, draws) for lower in (0.0, drop)]
    found = crossed(*sides)
    name = Name(spread.name, "accuracy", f"checkpoint {number}")
    return Compared(
        name, "metric", "fraction", True, sides[0].mean(), sides[1].mean(), found, Tolerance(tolerance), LEAST_SEEDS
    )


def frozen(spread: Spread, drop: float, tolerance: float, draws: Generator, number: int = 0) -> Compared:
    """An accuracy without randomness of its own, such as multiple choice: every tenth example may flip."""
    chance = chances(spread, draws)
    before = (draws.random(chance.size) < chance).astype(np.float64)
    again = draws.random(chance.size) < 0.1
    now = np.where(again, draws.random(chance.size) < chance, before)
    now = np.where((now == 1) & (draws.random(chance.size) < drop / max(now.mean(), drop)), 0.0, now)
    found = paired(before, now, binary=True)
    name = Name(f"choice {spread.name}", "accuracy", f"checkpoint {number}")
    return Compared(name, "metric", "fraction", True, before.mean(), now.mean(), found, Tolerance(tolerance))


def loss(documents: int, rise: float, tolerance: float, draws: Generator, number: int = 0) -> Compared:
    """A loss over documents of unequal length; checkpoints differ by a tenth of what documents do."""
    tokens = draws.lognormal(5, 1, documents)
    level = draws.normal(3.0, 0.3, documents)
    sides = [(level + more + draws.normal(0, 0.03, documents)) * tokens for more in (0.0, rise)]
    before, now = (pseudo_values(side[None], tokens[None])[0] for side in sides)
    name = Name("loss", "nats_per_token", f"checkpoint {number} of {documents}")
    return Compared(
        name, "loss", "nats per token", False, before.mean(), now.mean(), paired(before, now), Tolerance(tolerance)
    )


def board(spreads: Sequence[Spread], seeds: int, tolerance: float, draws: Generator) -> list[Compared]:
    """Cells of one pull request, in none of which anything got worse: every task, choice on each, and losses."""
    found = [fine_tuned(spread, seeds, 0.0, tolerance, draws) for spread in spreads]
    found += [frozen(spread, 0.0, tolerance, draws) for spread in spreads]
    return found + [loss(documents, 0.0, tolerance, draws) for documents in (14, 60, 1000)]


def false_alarms(spreads: Sequence[Spread], seeds: int, tolerances: Sequence[float], number: int) -> list[float]:
    """Share of pull requests without any change that have a cell called worse, for each tolerance, on the same draws."""
    draws = np.random.default_rng(seeds)
    alarms = np.zeros(len(tolerances))
    for _ in range(number):
        drawn = board(spreads, seeds, 0.0, draws)
        for place, tolerance in enumerate(tolerances):
            cells = [replace(cell, tolerance=Tolerance(tolerance)) for cell in drawn]
            alarms[place] += any(answer.verdict == "worse" for answer in judged(cells, [True] * len(cells)))
    return list(alarms / number)


def verdicts(cells: Iterator[Compared], others: int) -> dict[str, float]:
    """Share of each verdict of single cells, each judged beside others in which nothing moved much."""
    counts: dict[str, int] = defaultdict(int)
    quiet = [loss(200, 0.0, 0.01, np.random.default_rng(n), n) for n in range(others)]
    total = 0
    for cell in cells:
        counts[judged([cell, *quiet], [True] * (1 + others))[0].verdict] += 1
        total += 1
    return {verdict: count / total for verdict, count in counts.items()}


def power(spread: Spread, seeds: int, drop: float, number: int, others: int) -> dict[str, float]:
    """Share of each verdict of a planted drop of a fine-tuned accuracy, one point being what matters."""
    draws = np.random.default_rng(7)
    return verdicts((fine_tuned(spread, seeds, drop, 0.01, draws) for _ in range(number)), others)


def power_frozen(spread: Spread, drop: float, number: int, others: int) -> dict[str, float]:
    """The same of an accuracy without randomness."""
    draws = np.random.default_rng(7)
    return verdicts((frozen(spread, drop, 0.01, draws) for _ in range(number)), others)


DROPS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10)


def main(number: int, which: str) -> None:
    """Print the tables."""
    spreads = list(measured())
    print("| task | accuracy | sd between runs | variance between examples | examples |\n|---|---|---|---|---|")
    for spread in spreads:
        told = f"{spread.level:.3f} | {spread.between_runs:.4f} | {spread.between_examples:.3f} | {spread.examples:,}"
        print(f"| {spread.name} | {told} |")
    if which in ("alarms", "all"):
        print_alarms(spreads, number)
    if which in ("power", "all"):
        print_power(spreads, number)


def print_alarms(spreads: Sequence[Spread], number: int) -> None:
    """The table of false alarms."""
    print("\n| seeds | cells | tolerance 0 | tolerance .01 |\n|---|---|---|---|")
    for seeds in (3, 5, 10):
        shares = " | ".join(f"{share:.4f}" for share in false_alarms(spreads, seeds, (0.0, 0.01), number))
        print(f"| {seeds} | {2 * len(spreads) + 3} | {shares} |", flush=True)


def print_power(spreads: Sequence[Spread], number: int) -> None:
    """The table of drops that are seen, in points."""
    drops = " | ".join(f"{100 * drop:g}" for drop in DROPS)
    print(f"\n| what | seeds | beside | {drops} |\n|---|---|---|" + "---|" * len(DROPS))
    by_size = sorted(spreads, key=lambda spread: spread.between_runs)
    for spread in (by_size[0], by_size[1], by_size[-1]):
        label = f"fine-tuned, sd {spread.between_runs:.3f}, {spread.examples:,} examples"
        for seeds in (3, 5, 10):
            for others in (0, 19):
                print_row(label, seeds, others, [power(spread, seeds, drop, number, others) for drop in DROPS])
    for examples in (277, 872, 5463):
        spread = Spread("choice", 0.7, 0.0, 0.12, examples)
        for others in (0, 19):
            row = [power_frozen(spread, drop, number, others) for drop in DROPS]
            print_row(f"no seeds, {examples:,} examples", None, others, row)


def print_row(label: str, seeds: int | None, others: int, row: Sequence[dict[str, float]]) -> None:
    """One row: the share called worse at each drop."""
    shares = " | ".join(f"{found.get('worse', 0.0):.2f}" for found in row)
    print(f"| {label} | {seeds or '-'} | {others} | {shares} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2] if len(sys.argv) > 2 else "all")
