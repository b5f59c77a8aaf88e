"""Files of pytest-benchmark: which benchmark got slower, or takes more memory, beside its peers of the same run.

Machines differ, so seconds are held against a *reference job* of the same file: the benchmarks that ``--reference`` fits,
else all others of the same group. What is compared is ``log(now / before)`` of a benchmark less the mean of that of its
references. Memory (``extra_info: peak_bytes``) is compared as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.regress.cell import Answer, Compared, Difference, Name
from harness.regress.compare import Comparison, Question, ordered
from harness.regress.tolerance import Rule, tolerance_of
from harness.regress.verdict import judged

MEMORY = "peak_bytes"
PLACE = "this run"


@dataclass(frozen=True, slots=True)
class Timed:
    """One benchmark: mean seconds of a round, their standard deviation, how many; and bytes, where it tells them."""

    name: str
    group: str
    mean: float
    deviation: float
    rounds: int
    peak_bytes: float | None

    @property
    def log_error(self) -> float:
        """Standard error of the logarithm of the mean."""
        return self.deviation / self.mean / math.sqrt(self.rounds)


def read_benchmarks(path: Path) -> dict[str, Timed]:
    """The benchmarks of a file by name.

    Raises:
        HarnessError: it is no file of pytest-benchmark.
    """
    try:
        found = [timed(line) for line in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]]
    except OSError as error:
        raise HarnessError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise HarnessError(f"{path} is no file of pytest-benchmark; write one with --benchmark-json={path}") from None
    if not found:
        raise HarnessError(f"{path} has no benchmarks; was pytest run with --benchmark-only on any?")
    return {one.name: one for one in found}


def timed(line: Mapping[str, Any]) -> Timed:
    """One benchmark of a file."""
    stats, extra = line["stats"], line.get("extra_info") or {}
    return Timed(
        line["fullname"], line.get("group") or "", float(stats["mean"]), float(stats["stddev"]), int(stats["rounds"]),
        extra.get(MEMORY),
    )  # fmt: skip


def compare_benchmarks(before: Path, now: Path, question: Question) -> Comparison:
    """Compare two files of pytest-benchmark.

    Raises:
        HarnessError: a file is none, or no benchmark is a reference.
    """
    sides = read_benchmarks(before), read_benchmarks(now)
    gated = "cost" in question.fail_on
    cells: list[Compared] = []
    absent = [
        Answer(Name(name, "seconds", PLACE), "cost", "missing", f"{now} has no such benchmark", gated)
        for name in sides[0] if name not in sides[1]
    ]  # fmt: skip
    shared = [name for name in sides[0] if name in sides[1]]
    for name in shared:
        references = references_of(name, shared, sides[0], question.reference)
        if references:
            cells.append(seconds(name, references, sides, question.rules))
        cells += memory(name, sides, question.rules)
    if not cells and not absent:
        raise HarnessError(
            f"no benchmark of {before} has a reference in {now}: give --reference NAME, or run its peers beside it"
        )
    new = tuple(Name(name, "seconds", PLACE) for name in sides[1] if name not in sides[0])
    return Comparison(ordered([*judged(cells, [gated] * len(cells)), *absent]), new, before, now)


def references_of(name: str, shared: Sequence[str], known: Mapping[str, Timed], reference: str | None) -> list[str]:
    """What says how fast the machine is: the benchmarks that the pattern fits, in the same group where any are there."""
    others = [other for other in shared if other != name]
    if reference is not None:
        others = [other for other in others if fnmatchcase(other, reference)]
        if fnmatchcase(name, reference):
            return []
    within = [other for other in others if known[other].group == known[name].group]
    return within or (others if reference is not None else [])


def seconds(
    name: str, references: Sequence[str], sides: tuple[Mapping[str, Timed], Mapping[str, Timed]], rules: Sequence[Rule]
) -> Compared:
    """How much longer a benchmark takes, the machine's own speed taken off."""
    before, now = (side[name] for side in sides)
    moved = [math.log(sides[1][other].mean / sides[0][other].mean) for other in references]
    faster = sum(moved) / len(moved)
    errors = [side[other].log_error / len(references) for side in sides for other in references]
    log_error = math.sqrt(sum(error**2 for error in (before.log_error, now.log_error, *errors)))
    ratio = math.exp(math.log(now.mean / before.mean) - faster)
    rounds = min(side[other].rounds for side in sides for other in (name, *references))
    difference = Difference(
        before.mean * (ratio - 1), before.mean * ratio * log_error if rounds > 1 else None, max(rounds - 1, 1),
        f"beside {len(references)} reference job{'s' * (len(references) > 1)}", rounds, example_variance=(before.mean * ratio * log_error) ** 2,
        unchanged=before == now and not any(moved),
    )  # fmt: skip
    return cost_of(
        Name(name, "seconds", PLACE),
        "seconds",
        before.mean,
        before.mean * ratio,
        difference,
        rules,
        f"the machine took {math.exp(faster):.2f} times as long",
    )


def memory(name: str, sides: tuple[Mapping[str, Timed], Mapping[str, Timed]], rules: Sequence[Rule]) -> list[Compared]:
    """How much more memory it takes, where both files say how much."""
    values = [side[name].peak_bytes for side in sides]
    if values[0] is None or values[1] is None:
        return []
    before, now = values[0], values[1]
    difference = Difference(now - before, 0.0, 1.0, "bytes as they are", unchanged=before == now)
    return [cost_of(Name(name, MEMORY, PLACE), "bytes", before, now, difference, rules, "")]


def cost_of(
    name: Name, unit: str, before: float, now: float, difference: Difference, rules: Sequence[Rule], note: str
) -> Compared:
    """A cost of a benchmark; less is better."""
    return Compared(
        name=name, group="cost", unit=unit, higher_is_better=False, before=before, now=now, difference=difference,
        tolerance=tolerance_of(name, "cost", unit, rules), note=note,
    )  # fmt: skip
