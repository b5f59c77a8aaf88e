"""Two groups of checkpoints on the lines of a board: a published study, families as groups, and what is not decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from slope_examples import info, published, record

from harness.results.roles import Groups, Roles
from harness.slopes.groups import GroupAnswer, group_answers

BLEU = {"metric": "bleu", "unit": "points", "higher_is_better": True}
KINDS = Groups("distilled or not", "gold", "distilled", ("gold",), ("distilled",))


def of_study() -> list[GroupAnswer]:
    """Students against all others, in the published figure of six language pairs and domains."""
    table = published("kd_aug")
    groups = Groups("distilled or not", "not", "distilled", ("*/baseline*", "*/teacher"), ("*/student*",))
    roles = Roles(table.roles.upstream, (), table.roles.downstream, table.roles.families, headline=table.roles.headline,
                  groups=(groups,))  # fmt: skip
    return group_answers(table.records, {one.identity: one for one in table.checkpoints}, roles)


def test_distilled_or_not_in_the_published_figure() -> None:
    """Per family the offset is that of least squares with a dummy: -0.9 to +0.2, below zero in five of six."""
    together, *families = of_study()
    offsets = {one.line: round(one.offset.value, 3) for one in families}
    assert offsets == {"deen-ted": -0.901, "deen-wipo": -0.122, "ruen-ted": -0.626, "ruen-wipo": -0.665,
                       "zhen-ted": 0.21, "zhen-wipo": -0.218}  # fmt: skip
    assert all(one.checkpoints == (4, 3) and one.part for one in families)
    assert together.lines == 6 and together.checkpoints == (24, 18) and together.runs == (12, 9)
    assert together.verdict == "undecided" and together.offset.low < together.offset.value < 0 < together.offset.high
    assert together.offset.smallest == pytest.approx(0.55, abs=0.01) and not together.conditional


def measured(offset: float, *, runs: int = 4, steps: int = 3, tilt: float = 0.0, seed: int = 0, **more: Any):
    """Two families of several runs, each scored at several steps: general BLEU, and the BLEU of a domain."""
    rng = np.random.default_rng(seed)
    records, checkpoints, families = [], {}, {}
    for family in ("gold", "distilled"):
        names = []
        for run in range(runs):
            luck = rng.normal(0, 0.3)
            for step in range(steps):
                name = f"{family}/run{run}/step{step}"
                x = 12 + 4 * step + 2 * run / runs + (family == "distilled")
                y = 3 + 0.6 * x + (family == "distilled") * (offset + tilt * (x - 17)) + luck + rng.normal(0, 0.1)
                records.append(record(name, "news", x, stderr=0.05, **BLEU))
                records.append(record(name, "law", y, stderr=0.5, **{**BLEU, **more}))
                checkpoints[name] = info(name, run=f"{family}{run}", step=step)
                names.append(name)
        families[family] = tuple(names)
    roles = Roles(("news",), (), ("law",), families, groups=(KINDS,))
    return records, checkpoints, roles


def test_families_may_be_the_groups() -> None:
    (one,) = group_answers(*measured(-2.0))
    assert one.verdict == "apart" and one.line == "" and one.runs == (4, 4) and one.checkpoints == (12, 12)
    assert one.offset.low < -2 < one.offset.high < 0 and one.slope.low < 0 < one.slope.high


def test_a_metric_for_the_worse_is_turned() -> None:
    (one,) = group_answers(*measured(-2.0, metric="ter", higher_is_better=False))
    assert one.offset.value == pytest.approx(-group_answers(*measured(-2.0))[0].offset.value)


def test_another_slope_is_told_before_an_offset() -> None:
    (one,) = group_answers(*measured(0.0, tilt=0.5))
    assert one.verdict == "another slope" and one.slope.low < 0.5 < one.slope.high


def test_a_difference_below_the_error_of_the_metric_is_the_same_line_and_no_one_knows_of_few() -> None:
    assert group_answers(*measured(0.0, runs=16))[0].verdict == "the same"
    (few,) = group_answers(*measured(0.0, runs=2))
    assert few.conditional and few.runs == (2, 2) and few.verdict == "undecided" and few.offset.smallest > 0.1


def test_points_at_their_floor_do_not_count() -> None:
    records, checkpoints, roles = measured(-2.0)
    floored = [r if r.task == "news" or "step0" not in r.checkpoint else
               record(r.checkpoint, "law", r.value, stderr=0.5, **BLEU, details={"floor": r.value - 0.9}) for r in records]  # fmt: skip
    (one,) = group_answers(floored, checkpoints, roles)
    assert one.left_out == 8 and one.checkpoints == (8, 8)


def test_what_was_measured_in_two_ways_is_refused() -> None:
    records, checkpoints, roles = measured(0.0)
    mixed = [*records[:-1], record(records[-1].checkpoint, "law", 15.0, signature="another", **BLEU)]
    (one,) = group_answers(mixed, checkpoints, roles)
    assert one.verdict == "refused" and "signatures" in one.reason and one.offset is None


def test_groups_without_a_common_stretch_are_refused() -> None:
    records, checkpoints, roles = measured(0.0)
    far = [record(r.checkpoint, "news", r.value + 30 * ("distilled" in r.checkpoint), **BLEU) if r.task == "news" else r
           for r in records]  # fmt: skip
    assert "share no stretch" in group_answers(far, checkpoints, roles)[0].reason
