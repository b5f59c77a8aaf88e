"""Two checkpoints compared: every shared metric with its test, and the p-values adjusted for how many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.compare.cells import Apart, Shared, cells, checkpoint_named
from harness.compare.choice import VALUES, difference_of
from harness.compare.examples import read_examples
from harness.errors import HarnessError
from harness.paired.difference import Difference
from harness.results import Store
from harness.results.store import RESULTS
from harness.slopes.multiplicity import holm

ALPHA, LEVEL = 0.05, 0.95
ONE_SEED = "one seed each: other seeds may say otherwise"
Better = Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of both.

    Attributes:
        task: Its task.
        metric: Its name.
        unit: Its unit.
        higher_is_better: Its direction.
        difference: A - B, with its test.
        p_adjusted: By Holm over all that was tested; None where nothing was.
        better: Which is better, where ``p_adjusted`` is below 0.05.
        copy_of: The metric that this one repeats in another unit, whose test is its own; tested once.
        note: What to mind.
    """

    task: str
    metric: str
    unit: str
    higher_is_better: bool
    difference: Difference
    p_adjusted: float | None = None
    better: Better | None = None
    copy_of: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that two checkpoints share; ``tests`` is how many the p-values are adjusted for."""

    first: str
    second: str
    tests: int
    compared: tuple[Compared, ...]
    apart: tuple[Apart, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {"a": self.first, "b": self.second} | {
            k: v for k, v in asdict(self).items() if k not in ("first", "second")
        }


def compare(folder: Path, first: str, second: str, tasks: Sequence[str] = ()) -> Comparison:
    """Compare two checkpoints of a results folder, A and B, from its records and outcomes alone.

    Args:
        folder: A results or leaderboard folder.
        first: A: the name of a checkpoint, or its identity.
        second: B.
        tasks: Names or patterns of tasks; none: all.

    Raises:
        HarnessError: no records, no such checkpoint or task, or nothing that both share and that may be compared.
    """
    if not (folder / RESULTS).is_file():
        raise HarnessError(f"{folder} holds no {RESULTS}; measure first with 'harness run'")
    store = Store.of_rows(folder)
    shared, apart = cells(store, checkpoint_named(store, first), checkpoint_named(store, second), tasks)
    kept = read_examples(folder, {row.key for cell in shared for row in (*cell.first, *cell.second)})
    found = [compared(cell, difference_of(cell, kept, LEVEL)) for cell in shared]
    found = [as_copy(one, found) for one in found]
    return Comparison(first, second, sum(map(counts, found)), tuple(judged(found)), tuple(apart))


def compared(cell: Shared, difference: Difference) -> Compared:
    """One metric before all are judged together."""
    row = cell.first[0]
    note = ONE_SEED if row.seed is not None and difference.seeds == 1 else None
    return Compared(cell.task, cell.metric, row.unit, row.higher_is_better, difference, note=note)


def as_copy(one: Compared, others: Sequence[Compared]) -> Compared:
    """A metric without outcomes of its own that is another times a constant, or plus one: the test is that one's."""
    if one.difference.test != VALUES:
        return one
    for other in others:
        tested = (
            other.difference.units > 0 and other.task == one.task and other.higher_is_better == one.higher_is_better
        )
        scale = scale_between(other.difference, one.difference) if tested else None
        if scale is not None:
            return replace(one, difference=scaled(other.difference, one.difference, scale), copy_of=other.metric)
    return one


def scale_between(original: Difference, copy: Difference) -> float | None:
    """What one metric is multiplied by to give the other; 1 where they differ by a constant; None where by neither.

    >>> loss = Difference("paired t", 2.0, 3.0, -1.0, 0.1, -1.2, -0.8, 0.0, 9)
    >>> scale_between(loss, Difference(VALUES, 1.0, 1.5, -0.5, 0.3, -1.0, 0.0, 0.1, 0))
    0.5
    """
    if original.first and original.second and math.isclose(
        copy.first / original.first, copy.second / original.second, rel_tol=1e-9
    ):  # fmt: skip
        return copy.first / original.first
    moved = original.difference != 0 and math.isclose(copy.difference, original.difference, rel_tol=1e-6)
    return 1.0 if moved else None


def scaled(original: Difference, copy: Difference, scale: float) -> Difference:
    """The test of one metric in the unit of another."""
    ends = [end and end * scale for end in (original.low, original.high)]
    return replace(
        original, first=copy.first, second=copy.second, difference=copy.difference,
        stderr=original.stderr and original.stderr * abs(scale), low=ends[0], high=ends[1],
    )  # fmt: skip


def counts(one: Compared) -> bool:
    """Whether this is a test of its own."""
    return one.copy_of is None and one.difference.p is not None


def judged(found: Sequence[Compared]) -> list[Compared]:
    """With p-values adjusted over all tests, and which of the two is better."""
    asked = [one for one in found if counts(one)]
    adjusted = dict(
        zip(((one.task, one.metric) for one in asked), holm([one.difference.p or 0.0 for one in asked]), strict=True)
    )
    answers = []
    for one in found:
        p = adjusted.get((one.task, one.copy_of or one.metric))
        better: Better | None = None
        if p is not None and p < ALPHA and one.difference.difference:
            better = "A" if (one.difference.difference > 0) == one.higher_is_better else "B"
        answers.append(replace(one, p_adjusted=p, better=better))
    return answers
