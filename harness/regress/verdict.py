"""What is said of cells that were tested: worse, better, equivalent or undecided.

With gain ``g`` (positive for the better), its standard error and the smallest difference that matters ``m``,

- *worse*: ``H0: g >= -m`` is rejected, by Holm's procedure over all that is tested, at 5 % for the whole family;
- *better*: ``H0: g <= m`` is rejected likewise;
- *equivalent*: two one-sided tests put ``g`` within ``-m`` and ``m`` (Schuirmann 1987), or nothing moved at all;
- *undecided*: none of these, with what would decide it.

A drop is told from no drop that matters, not from no drop at all: one that is sure and small is equivalent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from scipy.special import stdtr

from harness.regress.cell import Answer, Compared, Name, Verdict
from harness.regress.needed import needed
from harness.slopes.equivalence import flat
from harness.slopes.multiplicity import holm
from harness.slopes.ordinary_least_squares import t_quantile

ALPHA = 0.05
LEAST_SEEDS = 3


def judged(cells: Sequence[Compared], gated: Sequence[bool]) -> list[Answer]:
    """An answer for each cell; those that count for the exit status are one family of tests, the others another.

    A cell that repeats another in another unit, or that nothing moved in, is no test of its own.
    """
    answers: dict[int, Answer] = {}
    for which in (True, False):
        numbers = [n for n, counts in enumerate(gated) if counts is which]
        tested = [n for n in numbers if can_fail(cells[n]) and cells[n].copies is None]
        worse = dict(zip(tested, holm([p_beyond(cells[n], worse=True) for n in tested]), strict=True))
        better = dict(zip(tested, holm([p_beyond(cells[n], worse=False) for n in tested]), strict=True))
        for n in numbers:
            answers[n] = answer(cells[n], which, worse.get(n), better.get(n), len(tested))
    of_name = {cell.name: answers[n] for n, cell in enumerate(cells)}
    return [with_original(answers[n], of_name) for n in range(len(cells))]


def can_fail(cell: Compared) -> bool:
    """Whether a cell can be worse or better: something moved, it has a standard error, and seeds enough."""
    found = cell.difference
    return not found.unchanged and found.stderr is not None and found.seeds >= cell.least_seeds


def p_beyond(cell: Compared, *, worse: bool) -> float:
    """One-sided p that the gain is below ``-m`` (or above ``m``): Student's t, and the exact test at zero too."""
    found, side = cell.difference, -1.0 if worse else 1.0
    beyond = side * cell.gain - cell.margin
    assert found.stderr is not None, "a cell without standard error is not tested"
    p = float(beyond <= 0) if found.stderr == 0 else float(stdtr(found.freedom, -beyond / found.stderr))
    return p if found.exact is None else max(p, found.exact)


def answer(cell: Compared, gated: bool, p_worse: float | None, p_better: float | None, tests: int) -> Answer:
    """What is said of one cell, its p-values adjusted for all that were tested beside it."""
    found = cell.difference
    low, high = interval_of(cell)
    verdict = verdict_of(cell, p_worse, p_better)
    text = "nothing moved" if found.unchanged else sentence(cell, verdict)
    told = needed(cell, ALPHA, max(tests, 1)) if verdict == "undecided" else ""
    return Answer(cell.name, cell.group, verdict, text, gated, cell, p_worse, p_better, low, high, told)


def verdict_of(cell: Compared, p_worse: float | None, p_better: float | None) -> Verdict:
    """The verdict of one cell."""
    found = cell.difference
    if found.unchanged:
        return "equivalent"
    if not can_fail(cell):
        return "undecided"
    if p_worse is not None and p_worse < ALPHA:
        return "worse"
    if p_better is not None and p_better < ALPHA:
        return "better"
    return "equivalent" if is_equivalent(cell) else "undecided"


def is_equivalent(cell: Compared) -> bool:
    """Whether the gain is shown to lie within the tolerance."""
    found = cell.difference
    assert found.stderr is not None, "a cell without standard error is not tested"
    if found.stderr == 0:
        return abs(cell.gain) < cell.margin
    return flat(cell.gain, found.stderr, found.freedom, cell.margin, 1 - ALPHA)


def interval_of(cell: Compared) -> tuple[float | None, float | None]:
    """The 95 % interval of the gain; none without a standard error."""
    found = cell.difference
    if found.stderr is None or not math.isfinite(found.stderr):
        return None, None
    half = t_quantile(0.975, found.freedom) * found.stderr
    return cell.gain - half, cell.gain + half


def sentence(cell: Compared, verdict: Verdict) -> str:
    """Why, in one sentence."""
    found = cell.difference
    if found.stderr is None:
        return "moved, and there is no standard error to hold it against"
    if found.seeds < cell.least_seeds:
        return f"trained anew under {found.seeds} seed{'s' * (found.seeds != 1)}: how far seeds move it is not known"
    size = f"{cell.gain:+.4g} +- {found.stderr:.2g} for the better, tolerance {cell.tolerance}"
    return f"{size}; {found.method}" if verdict != "equivalent" else f"{size}: shown to lie within it"


def with_original(told: Answer, of_name: dict[Name, Answer]) -> Answer:
    """A copy in another unit has the verdict of what it copies, where its own tolerance is not asked."""
    copied = told.tested.copies if told.tested is not None else None
    if copied is None:
        return told
    original = of_name[copied]
    return replace(
        told, verdict=original.verdict, p_worse=original.p_worse, p_better=original.p_better, needed=original.needed,
        text=f"as {copied.metric}, in another unit",
    )  # fmt: skip
