"""How many seeds or examples would decide a cell that is undecided, if it went on as it began."""

from __future__ import annotations

import math

from harness.regress.cell import Compared
from harness.slopes.ordinary_least_squares import t_quantile

POWER = 0.8
MOST = 10_000
"""Seeds, and times as many examples, beyond which nothing is promised."""


def needed(cell: Compared, alpha: float, tests: int) -> str:
    """What would decide it with 80 % power, in words.

    The gain seen is taken for the true one. Beyond the tolerance, a test at ``alpha / tests`` must find it so; within it,
    two tests at ``alpha`` must. Seeds are added first: they shrink all of the error but that of the examples, which are
    then added.
    """
    found = cell.difference
    if found.stderr is None:
        return "a standard error: measure with outcomes of examples, or under several seeds"
    distance = abs(abs(cell.gain) - cell.margin)
    level = alpha / tests if abs(cell.gain) > cell.margin else alpha
    if found.seeds < max(cell.least_seeds, 2) and cell.least_seeds:
        return f"at least {cell.least_seeds} seeds"
    if distance == 0:
        return "no number of examples: the difference is the tolerance itself"
    if cell.least_seeds:
        seeds = seeds_needed(cell, distance, level)
        if seeds is not None:
            return f"about {seeds} seeds instead of {found.seeds}"
    times = examples_needed(cell, distance, level)
    if times is None:
        return "more seeds and more examples than can be told"
    if not found.examples:
        return f"a standard error {math.sqrt(times):.1f} times smaller"
    more = f"about {math.ceil(times * found.examples):,} examples instead of {found.examples:,}"
    return f"{more}, under more seeds" if cell.least_seeds else more


def seeds_needed(cell: Compared, distance: float, level: float) -> int | None:
    """The least number of seeds on each side; None where the examples alone stand in the way."""
    found = cell.difference
    for seeds in range(max(found.seeds, 2), MOST):
        variance = found.seed_variance * found.seeds / seeds + found.example_variance
        if reached(math.sqrt(variance), 2.0 * (seeds - 1), distance, level):
            return seeds if seeds > found.seeds else seeds + 1
        if not reached(math.sqrt(found.example_variance), math.inf, distance, level):
            return None
    return None


def examples_needed(cell: Compared, distance: float, level: float) -> float | None:
    """How many times as many examples, seeds apart: as many of those as it takes."""
    found = cell.difference
    quantiles = t_quantile(1 - level, math.inf) + t_quantile(POWER, math.inf)
    times = found.example_variance * (quantiles / distance) ** 2
    return max(times, 1.0) if 0 < times < MOST else None


def reached(stderr: float, freedom: float, distance: float, level: float) -> bool:
    """Whether a difference that far from the border is told from it with the power asked."""
    return (t_quantile(1 - level, freedom) + t_quantile(POWER, freedom)) * stderr <= distance
