"""Two groups of checkpoints held against one another, such as distilled and not: one line, parallel lines, or two?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from harness.errors import HarnessError
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import Groups, Roles
from harness.slopes import rules
from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.censoring import uncensored
from harness.slopes.cluster_robust import Contrast
from harness.slopes.equivalence import flat
from harness.slopes.join import (
    Members,
    axis_metrics,
    cell_of,
    chance_of,
    columns,
    identities_by_name,
    predictors,
    series,
)
from harness.slopes.multiplicity import benjamini_hochberg
from harness.slopes.reliability import ENOUGH
from harness.slopes.runs import LEAST_RUNS
from harness.slopes.transfer import upstream_step
from harness.slopes.two_lines import Points, TwoLines, two_lines
from harness.slopes.widening import order_of

SIGNIFICANT = 0.05
TOGETHER = ""
"""The line of an answer over several lines."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of the second group from the first, positive for the better, with its 95 % interval and p.

    ``q`` is p adjusted for all comparisons asked; ``smallest`` the size that could have been seen with 80 % power.
    """

    value: float
    low: float
    high: float
    p: float
    smallest: float
    stderr: float
    freedom: float
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """Two groups on one line, or over several.

    Attributes:
        groups: as the suite states them.
        upstream: what stands on x.
        downstream: what stands on y; over several lines the first one's.
        line: which family's checkpoints are compared; ``TOGETHER`` where the groups are families, or over several lines.
        lines: how many lines.
        checkpoints: of the first and the second group.
        runs: likewise.
        shared: the stretch of the upstream value that both have.
        slope: difference of transfer slopes, in units of y per ``per`` of the upstream unit.
        offset: difference at equal upstream value, in units of y.
        per: step of the upstream value that ``slope`` is stated for.
        verdict: "apart", "another slope", "the same", "undecided" or "refused".
        reason: why it was refused.
        conditional: fewer than three runs in a group: checkpoints stand for runs, and it holds for these runs alone.
        reliability: share of the spread of upstream values within groups that is real, where below .98 and allowed for.
        bent: the lines bend, and the bend is held fixed.
        left_out: points at a floor or ceiling.
        part: one of several lines that are also answered together.
    """

    groups: Groups
    upstream: Axis
    downstream: Axis
    line: str
    lines: int
    checkpoints: tuple[int, int]
    runs: tuple[int, int]
    shared: tuple[float, float] | None = None
    slope: Estimate | None = None
    offset: Estimate | None = None
    per: float = 1.0
    verdict: str = "refused"
    reason: str | None = None
    conditional: bool = False
    reliability: float | None = None
    bent: bool = False
    left_out: int = 0
    part: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one family, or of the families of both groups, on one pair of axes; ``second`` are those of that group."""

    name: str
    cell: Cell
    used: Cell
    second: frozenset[str]


def group_answers(
    records: Iterable[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles
) -> list[GroupAnswer]:
    """Every comparison of the suite on every line there is, and over all lines of one unit where there are several.

    Lines are upstream metric x downstream metric x family that has checkpoints of both groups; where the groups are families
    of their own, all their checkpoints stand on one line.
    """
    if not roles.groups:
        return []
    table = columns(records, {*roles.upstream, *roles.downstream})
    listed = identities_by_name(checkpoints)
    found: list[GroupAnswer] = []
    for groups in roles.groups:
        by_unit: dict[tuple[Axis, str, str], list[Line]] = {}
        for line in lines_of(groups, table, listed, checkpoints, roles):
            down = line.cell.downstream
            by_unit.setdefault((line.cell.upstream, down.metric, down.unit), []).append(line)
        for lines in by_unit.values():
            answers = [answer(groups, [line]) for line in lines]
            usable = [line for line, one in zip(lines, answers, strict=True) if one.verdict != "refused"]
            if len(usable) > 1:
                found.append(answer(groups, usable))
                answers = [replace(one, part=True) for one in answers]
            found += answers
    return judged(found)


def lines_of(
    groups: Groups, table: Mapping[str, Mapping[str, dict[str, list[Record]]]], listed: Mapping[str, str],
    checkpoints: Mapping[str, CheckpointInfo], roles: Roles,
) -> Iterable[Line]:  # fmt: skip
    """Every line on which both groups have checkpoints."""
    for name, members, second in sides(groups, listed, roles):
        for task in groups.tasks or roles.downstream:
            recorded = axis_metrics(task, table, roles)
            for metric in [one for one in groups.metrics if one in recorded] if groups.metrics else recorded[:1]:
                for upstream in (one for one in roles.upstream if one != task):
                    wanted = predictors(upstream, table, roles)
                    for predictor in wanted:
                        x, y = (
                            series(where, what, table, {(where, what): chance_of(table[where][what])}, members,
                                   several=where == upstream and len(wanted) > 1)
                            for where, what in ((upstream, predictor), (task, metric))
                        )  # fmt: skip
                        cell = cell_of(name, x, y, members, checkpoints)
                        if cell.points:
                            yield Line(name, cell, uncensored(cell)[0], second)


def sides(groups: Groups, listed: Mapping[str, str], roles: Roles) -> list[tuple[str, Members, frozenset[str]]]:
    """The lines of two groups: a name, the checkpoints of both, and which are of the second group."""

    def of(members: Sequence[str], family: str, name: str) -> bool:
        return family in members or any(fnmatchcase(name, pattern) for pattern in members)

    apart: list[tuple[str, Members, frozenset[str]]] = []
    all_members: Members = {}
    all_second: set[str] = set()
    for family, names in roles.families.items():
        known = {listed[name]: name for name in names if name in listed}
        first = {i: name for i, name in known.items() if of(groups.first_members, family, name)}
        second = {i: name for i, name in known.items() if i not in first and of(groups.second_members, family, name)}
        if first and second:
            apart.append((family, {i: n for i, n in known.items() if i in first or i in second}, frozenset(second)))
        all_members |= first | second
        all_second |= set(second)
    return apart or [(TOGETHER, all_members, frozenset(all_second))]


def answer(groups: Groups, lines: Sequence[Line]) -> GroupAnswer:
    """What one line, or several together, say of two groups."""
    points = [(point, point.checkpoint in line.second) for line in lines for point in line.used.points]
    first, second = ([point for point, of in points if of is group] for group in (False, True))
    down, up = lines[0].cell.downstream, lines[0].cell.upstream
    runs = tuple(len({point.run for point in group}) for group in (first, second))
    per, conditional = upstream_step(up.unit), min(runs) < LEAST_RUNS
    bare = GroupAnswer(
        groups, up, down, lines[0].name if len(lines) == 1 else TOGETHER, len(lines),
        tuple(len({p.checkpoint for p in group}) for group in (first, second)), runs, per=per, conditional=conditional,  # type: ignore[arg-type]
        left_out=sum(len(line.cell.points) - len(line.used.points) for line in lines),
    )  # fmt: skip
    reasons = list(dict.fromkeys(line.cell.incomparable for line in lines if line.cell.incomparable))
    if reasons:
        return replace(bare, reason=" ".join(reasons))
    try:
        found = two_lines([points_of(line, conditional) for line in lines])
    except HarnessError as error:
        return replace(bare, reason=str(error))
    better = rules.direction(down)
    wider = serial(found, lines) if conditional else 1.0
    offset = estimate(found.offset, better, wider)
    slope = estimate(found.slope, per * rules.direction(up) * better, wider)
    allowed = found.reliability is not None and found.reliability < ENOUGH
    return replace(
        bare, shared=found.shared, slope=slope, offset=offset, bent=found.bent,
        reliability=found.reliability if allowed else None,
        verdict="the same" if is_same(offset, [point for point, _ in points]) else "undecided",
    )  # fmt: skip


def points_of(line: Line, conditional: bool) -> Points:
    """A line's points as columns; clusters are runs, or checkpoints where there are too few runs.

    Errors of a loss are left out: checkpoints share its text, which moves all of them alike.
    """
    points, score = line.used.points, line.cell.upstream.higher_is_better
    return Points(
        np.array([p.x for p in points], dtype=np.float64),
        np.array([p.y for p in points], dtype=np.float64),
        np.array([p.x_stderr if score and p.x_stderr is not None else np.nan for p in points], dtype=np.float64),
        np.array([p.checkpoint in line.second for p in points], dtype=np.bool_),
        tuple(p.checkpoint if conditional else p.run for p in points),
    )


def serial(found: TwoLines, lines: Sequence[Line]) -> float:
    """By how much errors in series along runs widen what checkpoints that stand for runs say."""
    from harness.slopes.diagnostics import serial_factor

    runs = [f"{number}/{point.run}" for number, line in enumerate(lines) for point in line.used.points]
    if len(set(runs)) == len(runs):
        return 1.0
    order = np.concatenate([order_of(line.used) for line in lines])
    return max(1.0, float(serial_factor(found.residual, runs, order)))


def estimate(found: Contrast, scale: float, wider: float) -> Estimate:
    """A contrast in shown units, positive for the better."""
    found = Contrast(found.value * scale, found.stderr * abs(scale) * wider, found.freedom)
    low, high = found.interval()
    return Estimate(found.value, low, high, found.p, found.smallest, found.stderr, found.freedom)


def is_same(offset: Estimate, points: Sequence[Point]) -> bool:
    """Whether the 90 % interval of the offset lies within one standard error of the metric (two one-sided tests)."""
    errors = [point.y_stderr for point in points if point.y_stderr]
    if not errors:
        return False
    margin = float(np.sqrt(np.mean(np.square(errors))))
    return flat(offset.value, offset.stderr, offset.freedom, margin)


def judged(found: Sequence[GroupAnswer]) -> list[GroupAnswer]:
    """Differences of slopes and offsets whose interval and adjusted p leave no doubt.

    What several lines say together is one question, adjusted for the other such questions of the board; what each of them
    says is another, adjusted for the others of its kind.
    """
    answers = list(found)
    for part in (False, True):
        asked = [n for n, one in enumerate(found) if one.offset is not None and one.part is part]
        slopes = benjamini_hochberg([found[n].slope.p for n in asked])  # type: ignore[union-attr]
        offsets = benjamini_hochberg([found[n].offset.p for n in asked])  # type: ignore[union-attr]
        for number, q_slope, q_offset in zip(asked, slopes, offsets, strict=True):
            one = answers[number]
            assert one.slope is not None and one.offset is not None, "asked of tested comparisons alone"
            sure = "another slope" if q_slope < SIGNIFICANT else "apart" if q_offset < SIGNIFICANT else one.verdict
            answers[number] = replace(
                one, slope=replace(one.slope, q=q_slope), offset=replace(one.offset, q=q_offset), verdict=sure
            )
    return answers
