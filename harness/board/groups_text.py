"""What the board says of two groups of checkpoints held against one another: one line, parallel lines, or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import NONE, change_unit, number, scale_of, step_of, value_unit, with_interval
from harness.slopes.groups import TOGETHER, Estimate, GroupAnswer

NOTE = (
    "Analysis of covariance: are the lines of two groups parallel, and how far does the second lie off the first at equal upstream "
    "value, in the middle of what both have? Positive is better. 95% intervals, of errors that go together within a run (CR2); q by "
    "Benjamini and Hochberg. The same line: the 90% interval of the offset is within one standard error of the metric."
)
WORDS = {"apart": "apart", "another slope": "another slope", "the same": "the same line", "undecided": "undecided",
         "refused": "refused"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One comparison on one line, or on several together."""

    name: str
    source: str
    groups: str
    line: str
    verdict: str
    reason: str
    slope: str
    slope_unit: str
    offset: str
    offset_unit: str
    q: str
    shared: str
    n: str
    smallest: str
    notes: str


def group_rows(found: Sequence[GroupAnswer]) -> list[GroupRow]:
    """Every comparison as a row."""
    return [row(one) for one in found]


def row(one: GroupAnswer) -> GroupRow:
    """One comparison written out."""
    unit, scale = change_unit(one.downstream.unit), scale_of(one.downstream.unit)
    up = scale_of(one.upstream.unit)
    return GroupRow(
        one.groups.name, one.groups.source or NONE, f"{one.groups.second} against {one.groups.first}", line_name(one),
        WORDS[one.verdict], one.reason or "", estimated(one.slope, scale), f"{unit} per {step_of(one.upstream.unit, one.per)}",
        estimated(one.offset, scale), unit,
        NONE if one.slope is None or one.offset is None else f"{one.slope.q:.2g}, {one.offset.q:.2g}",
        NONE if one.shared is None
        else f"{number(one.shared[0] * up)} to {number(one.shared[1] * up)} {value_unit(one.upstream.unit)}",
        "; ".join(f"{c} of {r}" for c, r in zip(one.checkpoints, one.runs, strict=True)),
        NONE if one.slope is None or one.offset is None
        else f"{number(one.slope.smallest * scale, 2)}, {number(one.offset.smallest * scale, 2)}",
        " ".join(caveats(one)) or NONE,
    )  # fmt: skip


def estimated(found: Estimate | None, scale: float) -> str:
    """A difference with its interval."""
    return NONE if found is None else with_interval(found.value, found.low, found.high, scale, sign=True)


def line_name(one: GroupAnswer) -> str:
    """On which line: 'dev bleu on news', with the family or how many lines there are."""
    what = f"{one.downstream.task} {one.downstream.metric} on {one.upstream.title}"
    if one.lines > 1:
        return f"{one.downstream.metric} on {one.upstream.title}, {one.lines} lines together"
    return what if one.line == TOGETHER else f"{one.line}: {what}"


def caveats(one: GroupAnswer) -> list[str]:
    """What a reader has to know before using the numbers."""
    found = []
    if one.conditional and one.offset is not None:
        found.append(
            "Fewer than three runs in a group: checkpoints stand for runs, widened for errors in series, and it holds for these "
            "runs alone."
        )
    if one.reliability is not None:
        found.append(f"Only {one.reliability:.1%} of the spread of upstream values is real, which is allowed for.")
    if one.bent:
        found.append("The lines bend; the bend is held fixed.")
    if one.left_out:
        found.append(f"{one.left_out} at a floor or ceiling left out.")
    return found


def group_sentences(found: Sequence[GroupAnswer]) -> list[str]:
    """A sentence for every comparison, of several lines together where there are several."""
    return [sentence(one) for one in found if not one.part]


def sentence(one: GroupAnswer) -> str:
    """Parallel or not, and the offset, in words."""
    start = f"{one.groups.name} ({line_name(one)}):"
    if one.slope is None or one.offset is None:
        return f"{start} refused. {one.reason}"
    unit, scale = change_unit(one.downstream.unit), scale_of(one.downstream.unit)
    step = f"{unit} per {step_of(one.upstream.unit, one.per)}"
    alone = " Holds for these runs alone." if one.conditional else ""
    return f"{start} {slopes_words(one, one.slope, scale, step)} {offset_words(one, one.offset, scale, unit)}{alone}"


def slopes_words(one: GroupAnswer, found: Estimate, scale: float, step: str) -> str:
    """Whether the lines are parallel."""
    if one.verdict == "another slope":
        amount = f"{surely(found, scale)} {step}"
        return f"{one.groups.second} has a {'steeper' if found.value > 0 else 'flatter'} line, by {amount}."
    smallest = number(found.smallest * scale, 2)
    return f"nothing against parallel lines (slopes differ by {estimated(found, scale)} {step}; could have seen {smallest})."


def offset_words(one: GroupAnswer, found: Estimate, scale: float, unit: str) -> str:
    """How far apart the groups are at equal upstream value."""
    second, first = one.groups.second, one.groups.first
    where = f"At equal {one.upstream.title}" + (", half way," if one.verdict == "another slope" else "")
    if one.verdict in ("apart", "another slope") and found.low * found.high > 0:
        return f"{where} {second} is {'better' if found.value > 0 else 'worse'} than {first} by {surely(found, scale)} {unit}."
    interval = f"{estimated(found, scale)} {unit}".strip()
    if one.verdict == "the same":
        return f"{where} {second} is no more than a standard error of the metric from {first} ({interval})."
    smallest = f"{number(found.smallest * scale, 2)} {unit}".strip()
    return f"{where} it is open which is better: {second} less {first} is {interval}; could have seen {smallest} (80% power)."


def surely(found: Estimate, scale: float) -> str:
    """The size of a difference whose sign is known, with its interval."""
    sign = 1.0 if found.value > 0 else -1.0
    low, high = sorted((sign * found.low, sign * found.high))
    return with_interval(abs(found.value), low, high, scale)
