"""One comparison, whole: a baseline, results, and the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.regress.baseline import Baseline
from harness.regress.cell import GROUPS, Answer, Compared, Group, Name, Pair, Verdict
from harness.regress.cost import costs
from harness.regress.evidence import evidence
from harness.regress.outcomes import read_kept
from harness.regress.pairing import fits, new_cells, pairs
from harness.regress.side import Side, read_side
from harness.regress.slopes import Slopes, slope_cells
from harness.regress.tolerance import Rule
from harness.regress.verdict import judged


@dataclass(frozen=True)
class Question:
    """What to compare, and what may make it fail.

    Attributes:
        fail_on: sorts of cells that count for the exit status.
        rules: tolerances that go before those of the baseline.
        only: patterns of cells; none: all that the baseline is held to.
        aliases: names of the results' checkpoints to those of the baseline.
        reference: the task whose time says how fast a machine is; None: the median of the others.
    """

    fail_on: Collection[Group] = ("metric", "loss")
    rules: Sequence[Rule] = ()
    only: Sequence[Name] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None


@dataclass(frozen=True)
class Comparison:
    """All answers, those that fail first, and the cells that the baseline does not have."""

    answers: tuple[Answer, ...]
    new: tuple[Name, ...]
    baseline: Path
    results: Path


def groups(text: str) -> tuple[Group, ...]:
    """Sorts of cells, as ``--fail-on`` lists them.

    Raises:
        HarnessError: there is no such sort.

    >>> groups("metric, slope")
    ('metric', 'slope')
    """
    named = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in named:
        if word not in GROUPS:
            raise HarnessError(f"--fail-on {word!r}: no such sort of cells; {nearest(word, GROUPS)}")
    return named  # type: ignore[return-value]


def compare(baseline: Baseline, results: Path, question: Question, slopes: Slopes | None = None) -> Comparison:
    """Compare a results folder with a baseline.

    Args:
        baseline: what is held to.
        results: a results folder.
        question: what is compared and what counts.
        slopes: fits of both sides, where slopes are compared.

    Raises:
        HarnessError: a side has no records, or nothing is left to compare.
    """
    if baseline.folder.resolve() == results.resolve():
        raise HarnessError(f"{results} is the baseline itself; measure into another folder (harness run -o FOLDER)")
    sides = read_side(baseline.folder), read_side(results, question.aliases)
    only = tuple(question.only) or baseline.only
    found = [pair for pair in pairs(*sides, only) if not question.only or not baseline.only or chosen(pair, baseline)]
    if not found:
        raise HarnessError(f"no cell of {baseline.folder} is compared; it has {listed_tasks(sides[0])}")
    rules = (*baseline.rules, *question.rules)
    cells = comparable(found, sides, rules)
    absent = [answer_absent(pair, baseline, question) for pair in found if pair.why is not None]
    if slopes is not None:
        more, without = slope_cells(slopes, rules, gated="slope" in question.fail_on)
        cells += more
        absent += without
    cells += costs(found, rules, question.reference)
    answers = [*judged(cells, [cell.group in question.fail_on for cell in cells]), *absent]
    return Comparison(ordered(answers), tuple(new_cells(*sides, only)), baseline.folder, results)


def chosen(pair: Pair, baseline: Baseline) -> bool:
    """Whether a pair is one that the baseline holds results to."""
    return any(fits(pair.name, pattern) for pattern in baseline.only)


def comparable(found: Sequence[Pair], sides: tuple[Side, Side], rules: Sequence[Rule]) -> list[Compared]:
    """The pairs that may be compared, with their differences."""
    able = [pair for pair in found if pair.why is None]
    kept = [
        read_kept(side.folder, {record.key for one in measured if one is not None for record in one.records})
        for side, measured in ((sides[0], [pair.before for pair in able]), (sides[1], [pair.now for pair in able]))
    ]
    return evidence(able, kept[0], kept[1], rules)


def answer_absent(pair: Pair, baseline: Baseline, question: Question) -> Answer:
    """What is said of a cell that is missing or may not be compared: let go with a reason, or a failure."""
    gated = pair.group in question.fail_on
    let_go = next((change for change in baseline.gone if fits(pair.name, change.name)), None)
    if let_go is not None:
        text = f"let go on {let_go.date}: {let_go.reason}"
        return Answer(pair.name, pair.group, "accepted", text, gated)
    verdict: Verdict = "missing" if pair.now is None else "incomparable"
    return Answer(pair.name, pair.group, verdict, pair.why or "", gated)


ORDER = ("worse", "incomparable", "missing", "undecided", "better", "equivalent", "accepted")


def ordered(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """What fails first; else as the baseline has them."""
    return tuple(sorted(answers, key=lambda answer: (not answer.fails, ORDER.index(answer.verdict))))


def listed_tasks(side: Side) -> str:
    """The tasks of a side."""
    tasks = sorted({name.task for name in side.cells})
    return ", ".join(tasks[:8]) + (f" and {len(tasks) - 8} more" if len(tasks) > 8 else "") or "none"
