"""Published claims held against records: at equal upstream loss, does what a claim names order the metric as it says?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.errors import HarnessError, nearest
from harness.results.record import CheckpointInfo, Record
from harness.results.roles import SETTINGS, Claim, Roles
from harness.slopes.comparable import reasons
from harness.slopes.flatness.freedman_lane import Partial, freedman_lane
from harness.slopes.flatness.join import kind_of
from harness.slopes.flatness.power import least_partial_correlation
from harness.slopes.join import Column, axis_metrics, columns, identities_by_name, mean_over_seeds, usable
from harness.slopes.multiplicity import benjamini_hochberg
from harness.slopes.ordinary_least_squares import Array, t_quantile

Table = Mapping[str, Mapping[str, Column]]
SIGNIFICANT = 0.05
MATTERS = 0.3
"""A partial correlation below it is small (Cohen 1988): a claim whose interval stays below is not held."""


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What the records say of a claim.

    Attributes:
        claim: as the suite states it.
        metric: of the claim's task.
        n: checkpoints with loss, metric and what the claim names.
        runs: that they are of; below ``n`` some share a run, and the answer is about these runs.
        loss: least and largest upstream value among them.
        r: partial correlation at given loss (and family, where several), turned so that positive is as claimed.
        low: of its 95 % interval.
        high: of it.
        p: two-sided, by permutation within families.
        q: p adjusted for all claims asked.
        smallest: |r| that could have been seen with 80 % power.
        verdict: held, not held, not decided or refused.
        reason: why it was refused.
    """

    claim: Claim
    metric: str
    n: int
    runs: int
    loss: tuple[float, float] | None = None
    r: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    q: float | None = None
    smallest: float | None = None
    verdict: str = "refused"
    reason: str | None = None


def claim_answers(
    records: Sequence[Record], checkpoints: Mapping[str, CheckpointInfo], roles: Roles
) -> list[ClaimAnswer]:
    """One answer a claim, in the order of the suite; p adjusted for how many there are (Benjamini and Hochberg)."""
    if not roles.claims:
        return []
    table = columns(records, {*roles.upstream, *roles.flatness, *roles.downstream, *roles.affinity})
    found = [answer(claim, table, checkpoints, roles) for claim in roles.claims]
    asked = [number for number, one in enumerate(found) if one.p is not None]
    for number, q in zip(asked, benjamini_hochberg([found[n].p or 0.0 for n in asked]), strict=True):
        found[number] = judged(replace(found[number], q=float(q)))
    return found


def judged(one: ClaimAnswer) -> ClaimAnswer:
    """Held: the interval and the adjusted p say so. Not held: the reverse, or no effect that matters. Else not decided."""
    assert one.low is not None and one.high is not None and one.q is not None, "asked of tested claims alone"
    if one.low > 0 and one.q < SIGNIFICANT:
        return replace(one, verdict="held")
    if (one.high < 0 and one.q < SIGNIFICANT) or one.high < MATTERS:
        return replace(one, verdict="not held")
    return replace(one, verdict="not decided")


def answer(claim: Claim, table: Table, checkpoints: Mapping[str, CheckpointInfo], roles: Roles) -> ClaimAnswer:
    """The partial correlation that a claim is about, with its interval."""
    listed = identities_by_name(checkpoints)
    family_of = {listed[n]: family for family in claim.families for n in roles.families[family] if n in listed}
    metric = claim.metric or next(iter(axis_metrics(claim.task, table, roles)), "")
    bare = ClaimAnswer(claim, metric, 0, 0)
    upstream = claim.upstream or next(iter(roles.upstream), "")
    if not upstream:
        return replace(bare, reason="the suite has no upstream task whose loss could be held fixed; give it one")
    try:
        loss, y, by = (
            values_on(task, wanted, table, family_of, checkpoints, roles)
            for task, wanted in ((upstream, ""), (claim.task, metric), (claim.by, ""))
        )
    except HarnessError as error:
        return replace(bare, reason=str(error))
    shared = [identity for identity in family_of if all(identity in part.values for part in (loss, y, by))]
    runs = len({checkpoints[identity].run for identity in shared})
    bare = replace(bare, n=len(shared), runs=runs)
    if not shared:
        return replace(bare, reason="no checkpoint has loss, metric and what the claim names")
    x, metric_values, named = (np.array([part.values[i] for i in shared]) for part in (loss, y, by))
    bare = replace(bare, loss=(float(x.min()), float(x.max())))
    sign = y.direction * (1 if claim.expected == "more_is_better" else -1)
    families = [family_of[identity] for identity in shared]
    try:
        check_alike(shared, family_of, checkpoints, (loss, y, by))
        partial = freedman_lane(metric_values, logarithm(named), controls_of(x, families), families)
    except HarnessError as error:
        return replace(bare, reason=str(error))
    low, high = sorted(sign * end for end in interval(partial, len(shared)))
    smallest = least_partial_correlation(len(shared), partial.controls - 1)
    return replace(bare, r=sign * partial.r, low=low, high=high, p=partial.p, smallest=smallest)


@dataclass(frozen=True, slots=True)
class Values:
    """A value per checkpoint, and the records it is of; ``direction`` is 1 where more is better."""

    values: Mapping[str, float]
    direction: int
    records: Mapping[str, Sequence[Record]] = field(default_factory=dict)


def values_on(
    task: str, metric: str, table: Table, members: Mapping[str, str],
    checkpoints: Mapping[str, CheckpointInfo], roles: Roles,
) -> Values:  # fmt: skip
    """A metric of a task, its headline where none is named, or a setting of checkpoints.

    Raises:
        HarnessError: the metric was not recorded.
    """
    if task in SETTINGS:
        known = {identity: getattr(checkpoints[identity], task) for identity in members}
        return Values({identity: float(value) for identity, value in known.items() if value is not None}, 1)
    found = axis_metrics(task, table, roles)
    if not found:
        return Values({}, 1)
    if metric and metric not in found:
        raise HarnessError(f"no record of {task} has the metric {metric!r}; {nearest(metric, found)}")
    column = table[task][metric or found[0]]
    kept = usable({identity: column[identity] for identity in members if identity in column})
    better = all(records[0].higher_is_better for records in kept.values())
    return Values({i: mean_over_seeds(records).value for i, records in kept.items()}, 1 if better else -1, kept)


def check_alike(
    shared: Sequence[str], family_of: Mapping[str, str], checkpoints: Mapping[str, CheckpointInfo],
    axes: Sequence[Values],
) -> None:  # fmt: skip
    """What differs between the members of one family must be the checkpoints, not how they were measured.

    Raises:
        HarnessError: they have two signatures, units, objectives, tokenizers or comparability groups.
    """
    for family in dict.fromkeys(family_of[identity] for identity in shared):
        members = [identity for identity in shared if family_of[identity] == family]
        measured = [[record for i in members for record in axis.records.get(i, ())] for axis in axes]
        found = reasons([checkpoints[identity] for identity in members], measured)
        found += [
            f"{records[0].task} ({records[0].metric}) is of several comparability groups, such as architectures or sizes; "
            "claim a measure that is comparable across them, or make one family of each."
            for records in measured
            if len({kind_of(record)[1] for record in records}) > 1
        ]
        if found:
            raise HarnessError(f"{family}: {' '.join(found)}")


def logarithm(values: Array) -> Array:
    """The logarithm of what is above zero throughout: traces, sizes, steps."""
    return np.asarray(np.log(values) if np.all(values > 0) else values)


def controls_of(loss: Array, families: Sequence[str]) -> Array:
    """An intercept a family, and the loss: members match in it, and what is left of it is too little for a curve."""
    names = list(dict.fromkeys(families))
    levels = [np.array([family == name for family in families], dtype=float) for name in names]
    return np.column_stack([*levels, loss - loss.mean()])


def interval(partial: Partial, n: int) -> tuple[float, float]:
    """``tanh(atanh(r) +- t(n-k-1) / sqrt(n - k - 2))``: Fisher's z of a partial correlation, k columns held fixed.

    The intercept is one of the k; Student's quantile stands for the normal one, which is too short with few checkpoints.

    >>> [round(end, 2) for end in interval(Partial(0.6, 0.01, 2), 20)]
    [0.16, 0.84]
    """
    inside = min(max(partial.r, -1 + 1e-12), 1 - 1e-12)
    left = n - partial.controls - 2
    if left < 1:
        return -1.0, 1.0
    half = t_quantile(0.975, left + 1) / math.sqrt(left)
    return math.tanh(math.atanh(inside) - half), math.tanh(math.atanh(inside) + half)
