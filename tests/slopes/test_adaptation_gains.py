"""What adaptation gained and forgot, from values before and after."""

from __future__ import annotations

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.roles import Roles
from harness.slopes.adaptation import adaptations
from harness.slopes.before_after import own_metrics, pairs

GAINS = (7.0, 8.0, 12.0)


def measured(runs: int = 3, higher: bool = True, stderr: float | None = 0.4):
    """One task of each of several runs, two checkpoints each: BLEU of the domain and of the general one."""
    records, checkpoints = [], {}
    for run in range(runs):
        for step in range(2):
            name = f"r{run}s{step}"
            checkpoints[name] = info(name, run=f"run{run}")
            values = {"bleu_before": 5.0 + step, "bleu": 5.0 + step + GAINS[run], "general_bleu_before": 30.0,
                      "general_bleu": 28.0 - run, "chrf": 40.0}  # fmt: skip
            for metric, value in values.items():
                records.append(
                    record(name, "law", value, metric=metric, unit="points", higher_is_better=higher, stderr=stderr)
                )
    return records, checkpoints, Roles((), (), ("law",), {"gold": tuple(checkpoints), "empty": ("none",)})


def test_means_over_runs_with_the_spread_between_them() -> None:
    (one,) = adaptations(*measured())
    assert (one.task, one.metric, one.family, one.unit) == ("law", "bleu", "gold", "points")
    assert (one.own.before, one.own.after, one.own.gain) == pytest.approx((5.5, 14.5, 9.0))
    half = 4.3026527 * np.std(GAINS, ddof=1) / np.sqrt(3)  # t(2)
    assert (one.own.low, one.own.high) == pytest.approx((9 - half, 9 + half))
    assert (one.own.checkpoints, one.own.runs) == (6, 3) and one.own.method == "t(2) of 3 runs"
    assert list(one.others) == ["general"] and one.others["general"].gain == pytest.approx(-3.0)


def test_two_runs_have_the_error_of_the_examples() -> None:
    (one,) = adaptations(*measured(2))
    half = 1.959964 * np.sqrt(2) * 0.4
    assert (one.own.low, one.own.high) == pytest.approx((7.5 - half, 7.5 + half)) and "alone" in one.own.method
    assert adaptations(*measured(2, stderr=None))[0].own.low is None


def test_a_gain_that_was_recorded_has_the_error_of_paired_examples() -> None:
    records, checkpoints, roles = measured(2)
    for name in checkpoints:
        records.append(record(name, "law", 7.5, metric="bleu_gain", unit="points", higher_is_better=True, stderr=0.1))
    (one,) = adaptations(records, checkpoints, roles)
    half = 1.959964 * 0.1
    assert (one.own.low, one.own.high) == pytest.approx((7.5 - half, 7.5 + half)) and "paired" in one.own.method
    assert "paired" not in one.others["general"].method


def test_a_metric_for_the_worse_gains_by_falling() -> None:
    (one,) = adaptations(*measured(higher=False))
    assert one.own.gain == pytest.approx(-9.0) and one.others["general"].gain == pytest.approx(3.0)


def test_names_that_only_look_like_pairs_are_metrics_of_their_own() -> None:
    assert own_metrics(["accuracy_before", "accuracy_after"]) == ["accuracy_before", "accuracy_after"]
    found = pairs(["bleu", "bleu_before", "sacrebleu", "sacrebleu_before"])
    assert [(pair.metric, pair.domain) for pair in found] == [("bleu", ""), ("sacrebleu", "")]
