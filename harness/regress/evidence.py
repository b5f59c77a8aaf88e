"""A pair of measurements becomes a difference with its error, by what the task's kind keeps of its examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harness.errors import HarnessError
from harness.measures.translation.metrics import METRICS
from harness.regress.cell import Compared, Difference, Name, Pair
from harness.regress.difference import crossed, of_sums, of_values, paired, pseudo_values
from harness.regress.outcomes import Kept, Outcomes, binary, flips, lined_up, of_records, statistics_of, sums_by_cluster
from harness.regress.tolerance import Rule, tolerance_of
from harness.regress.verdict import LEAST_SEEDS
from harness.slopes.flatness.draws import Draws
from harness.slopes.flatness.paired import paired_difference

SAME = 1e-9
"""Relative difference below which two numbers are one, rounded twice."""


def evidence(pairs: Iterable[Pair], before: Kept, now: Kept, rules: Sequence[Rule]) -> list[Compared]:
    """Every comparable pair with its difference; a metric that repeats another in another unit says so."""
    found: dict[Name, Compared] = {}
    for pair in pairs:
        found[pair.name] = cell_of(pair, before, now, rules)
    return [as_copy(cell, found.values()) for cell in found.values()]


def cell_of(pair: Pair, before: Kept, now: Kept, rules: Sequence[Rule]) -> Compared:
    """One comparable pair."""
    assert pair.now is not None, "a pair without a counterpart is not tested"
    difference = difference_of(pair, before, now)
    first = pair.before.records[0]
    moved = not difference.unchanged and pair.group != "flatness"
    return Compared(
        name=pair.name, group=pair.group, unit=first.unit, higher_is_better=first.higher_is_better,
        before=pair.before.value, now=pair.now.value, difference=difference,
        tolerance=tolerance_of(pair.name, pair.group, first.unit, rules),
        least_seeds=LEAST_SEEDS if pair.before.seeds or pair.now.seeds else 0,
        flips=flips(pair.before, pair.now, before, now) if moved else None,
    )  # fmt: skip


def difference_of(pair: Pair, before: Kept, now: Kept) -> Difference:
    """The difference of a pair: over draws, examples, seeds and examples, or from the values alone."""
    assert pair.now is not None, "a pair without a counterpart has no difference"
    sides = (of_records(pair.before.records, before), of_records(pair.now.records, now))
    plain = values_only(pair)
    if plain.unchanged and same_keys(pair):
        return plain
    sums = statistics_of(pair.before.records[0], before), statistics_of(pair.now.records[0], now)
    if sums[0] is not None and sums[1] is not None and np.array_equal(sums[0][0], sums[1][0]):
        return of_sums(sums[0][1], sums[1][1], METRICS[pair.name.metric].values)
    if sides[0] is None or sides[1] is None:
        return plain
    if pair.group == "flatness":
        return over_draws(sides[0][0], sides[1][0]) or plain
    if not lined_up(sides[0], sides[1]):
        return plain
    values = [pseudo_values(*sums_by_cluster(side)) for side in sides if side is not None]
    if values[0].shape[1] < 2:
        return plain
    if min(len(side) for side in values) >= 2:
        return crossed(*values)
    means = [side.mean(axis=0) for side in values]
    plainly_right = binary(sides[0]) and binary(sides[1]) and all(len(side) == 1 for side in values)
    return replace(paired(*means, binary=plainly_right), seeds=plain.seeds)


def same_keys(pair: Pair) -> bool:
    """Whether both sides are the very same measurements."""
    assert pair.now is not None, "a pair without a counterpart has no keys"
    return {record.key for record in pair.before.records} == {record.key for record in pair.now.records}


def values_only(pair: Pair) -> Difference:
    """The difference of the values, with their own standard errors."""
    assert pair.now is not None, "a pair without a counterpart has no difference"
    sides = [sorted(side.records, key=lambda r: r.seed or 0) for side in (pair.before, pair.now)]
    values = [[float(record.value or 0.0) for record in side] for side in sides]
    found = of_values(values[0], values[1], [record.stderr for side in sides for record in side])
    return replace(found, seeds=found.seeds if pair.before.seeds and pair.now.seeds else 0)


def over_draws(before: Outcomes, now: Outcomes) -> Difference | None:
    """The difference on the draws that both sides have; None where they cannot be paired."""
    first, second = (Draws(one.cluster, one.outcome, one.weight) for one in (now, before))
    try:
        found = paired_difference(first, second)
    except HarnessError:
        return None
    return Difference(
        found.difference, found.stderr, found.clusters - 1, f"paired over {found.draws} draws", found.clusters,
        example_variance=found.stderr**2, unchanged=found.difference == 0 and found.stderr == 0,
    )  # fmt: skip


def as_copy(cell: Compared, cells: Iterable[Compared]) -> Compared:
    """A cell without outcomes of its own whose values are another's times a constant, or plus one: that one's difference."""
    if cell.difference.examples or cell.difference.unchanged:
        return cell
    for other in cells:
        alike = (other.name.task, other.name.checkpoint) == (cell.name.task, cell.name.checkpoint)
        if not alike or not other.difference.examples or other.higher_is_better != cell.higher_is_better:
            continue
        scale = scale_between(other, cell)
        if scale is not None:
            return replace(cell, difference=scaled(other.difference, scale), copies=other.name, tolerance=replace(
                other.tolerance, amount=other.tolerance.amount * (1.0 if other.tolerance.relative else scale),
                because=f"that of {other.name.metric}"))  # fmt: skip
    return cell


def scale_between(original: Compared, copy: Compared) -> float | None:
    """What one metric is multiplied by to give another, on both sides alike; None where there is no such number.

    It is 1 where both moved by the same and differ by a constant, such as an entropy.
    """
    if (
        original.before
        and original.now
        and math.isclose(copy.before / original.before, copy.now / original.now, rel_tol=SAME)
    ):
        return copy.before / original.before
    moved = original.now - original.before
    return 1.0 if math.isclose(copy.now - copy.before, moved, rel_tol=1e-6) and moved else None


def scaled(found: Difference, scale: float) -> Difference:
    """A difference in another unit."""
    return replace(
        found, value=found.value * scale, stderr=None if found.stderr is None else found.stderr * abs(scale),
        seed_variance=found.seed_variance * scale**2, example_variance=found.example_variance * scale**2,
    )  # fmt: skip
