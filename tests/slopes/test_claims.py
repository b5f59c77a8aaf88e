"""Claims about checkpoints of equal loss, marked held, not held or not decided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.roles import Claim, Roles
from harness.slopes.claims import claim_answers, interval
from harness.slopes.flatness.freedman_lane import Partial

N = 24
FAMILY = tuple(f"c{i}" for i in range(N))
CLAIM = Claim("flatter does better", ("family",), "trace", "task")


def found(
    relation: float, claim: Claim = CLAIM, n: int = N, seed: int = 0, lower_is_better: bool = False, second_half=None,
    role: str = "flatness",
):  # fmt: skip
    """Losses within .01 nat; accuracy moves by ``relation`` x (log trace), and noise of sd 1, beside a slope on the loss."""
    rng = np.random.default_rng(seed)
    loss, trace = 2.5 + rng.normal(0, 0.01, n), np.exp(rng.normal(size=n))
    y = -3 * loss + relation * np.log(trace) + rng.normal(size=n)
    records = []
    for number, (name, a, b, c) in enumerate(zip(FAMILY, loss, trace, y, strict=False)):
        more = (second_half or {}) if 2 * number >= n else {}
        records += [
            record(name, "loss", float(a), **more.get("loss", {})),
            record(name, "trace", float(b), metric="trace", unit="u", **more.get("trace", {})),
            record(name, "task", float(c), higher_is_better=not lower_is_better, **more.get("task", {})),
        ]
    checkpoints = {name: info(name, parameters=10 * 2**number) for number, name in enumerate(FAMILY)}
    roles = Roles(("loss",), (), ("task",), {"family": FAMILY}, claims=(claim,))
    (one,) = claim_answers(records, checkpoints, replace(roles, **{role: ("trace",)}))
    return one


def test_a_planted_relation_is_held_and_its_reverse_is_not():
    one = found(-2.0)
    assert one.verdict == "held" and one.r > 0.7 and one.low > 0 and one.q < 0.05 and one.n == one.runs == N
    assert 2.45 < one.loss[0] < one.loss[1] < 2.55
    reverse = found(2.0)
    assert reverse.verdict == "not held" and reverse.r == pytest.approx(found(2.0).r) and reverse.high < 0


def test_the_sign_follows_metric_and_claim():
    assert found(2.0, lower_is_better=True).verdict == "held"
    more = Claim("sharper does better", ("family",), "trace", "task", "more_is_better")
    assert found(2.0, more).verdict == "held"


def test_no_relation_in_few_checkpoints_is_not_decided_and_says_what_could_have_been_seen():
    verdicts = [found(0.0, n=12, seed=seed) for seed in range(20)]
    assert sum(one.verdict == "not decided" for one in verdicts) >= 12
    assert all(one.verdict != "held" for one in verdicts) and verdicts[0].smallest == pytest.approx(0.74, abs=0.02)


def test_what_is_claimed_may_be_a_feature_of_checkpoint_and_task():
    assert found(-2.0, role="affinity") == found(-2.0)


def test_a_setting_of_checkpoints_can_be_claimed():
    one = found(-2.0, Claim("larger does better", ("family",), "parameters", "task", "more_is_better"))
    assert one.r is not None and one.verdict in ("not decided", "not held")


def test_what_cannot_be_tested_is_refused_in_a_sentence():
    one = found(-2.0, Claim("", ("family",), "trace", "task", upstream="nothing"))
    assert one.verdict == "refused" and one.reason.startswith("no checkpoint has loss")
    assert found(-2.0, n=4).verdict == "refused"


def test_the_interval_covers():
    rng, truth, n = np.random.default_rng(1), 0.6, 12
    x = rng.normal(size=n)
    controls = np.column_stack([np.ones(n), x])
    basis = np.linalg.qr(controls)[0]
    hits, draws = 0, 3000
    for _ in range(draws):
        a = rng.normal(size=n)
        b = truth * a + np.sqrt(1 - truth**2) * rng.normal(size=n)
        a, b = (v - basis @ (basis.T @ v) for v in (a + x, b - 2 * x))
        r = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        low, high = interval(Partial(r, 1.0, 2), n)
        hits += low <= truth <= high
    assert 0.93 <= hits / draws <= 0.98


def test_a_metric_that_was_not_recorded_is_refused_and_no_other_stands_in_for_it():
    one = found(-2.0, Claim("", ("family",), "trace", "task", metric="spearman"))
    assert one.verdict == "refused" and one.metric == "spearman"
    assert "spearman" in one.reason and "accuracy" in one.reason


def test_a_family_that_was_measured_in_two_ways_is_refused():
    changes = {"trace": {"signature": "another"}, "loss": {"signature": "another"}, "task": {"signature": "another"}}
    for task, change in changes.items():
        one = found(-2.0, second_half={task: change})
        assert one.verdict == "refused" and "signatures" in one.reason and one.r is None
    one = found(-2.0, second_half={"trace": {"details": {"comparable_group": "of a larger model"}}})
    assert one.verdict == "refused" and "comparability" in one.reason


def test_a_suite_without_upstream_task_has_its_claims_refused():
    assert claim_answers([], {}, Roles((), (), ("task",), {"family": FAMILY}, claims=(CLAIM,)))[0].verdict == "refused"
