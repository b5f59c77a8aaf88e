"""Records of affinity tasks meet the fits by the name of the downstream task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.roles import Roles
from harness.slopes.fit import fit_all
from harness.slopes.join import join
from harness.slopes.slope_features import SHARE, SPREAD, predictions

TASKS = tuple(f"task{i}" for i in range(10))
FAMILY = tuple(f"c{i}" for i in range(8))
LOSSES = np.linspace(2, 3, 8)


def leaderboard(chance: bool = True, tasks: tuple[str, ...] = TASKS):
    """Accuracies that fall by 0.1 + 0.1 x cover for a nat; size is noise; LogME rises by ``cover`` nats for a nat."""
    rng = np.random.default_rng(0)
    records = [record(name, "loss", float(loss), stderr=1e-4) for name, loss in zip(FAMILY, LOSSES, strict=True)]
    for number, task in enumerate(tasks):
        cover, size = number / 10, float(rng.normal())
        for name, loss in zip(FAMILY, LOSSES, strict=True):
            accuracy = 0.9 - (0.1 + 0.1 * cover) * (loss - 2) + rng.normal(0, 0.001)
            details = {"chance": 0.5} if chance else None
            records.append(record(name, task, float(accuracy), stderr=0.001, details=details))
            values = (("cover", "vocabulary_cover", cover), ("size", "log_train_rows", size),
                      ("logme", "log_maximum_evidence", -cover * (loss - 2)))  # fmt: skip
            records += [
                record(name, f"{task}_{which}", float(value), metric=metric, unit="u", details={"of": task})
                for which, metric, value in values
            ]
    features = tuple(f"{task}_{which}" for task in tasks for which in ("cover", "size", "logme"))
    roles = Roles(("loss",), (), tasks, {"family": FAMILY}, affinity=features)
    checkpoints = {name: info(name) for name in FAMILY}
    return records, checkpoints, roles, fit_all(join(records, checkpoints, roles))


def test_features_are_joined_by_task_and_the_planted_one_is_found():
    (answer,) = predictions(*leaderboard())
    found = answer.found
    assert answer.refusal is None and answer.unit == SHARE and answer.left_out == () and answer.upstream.task == "loss"
    assert {f.name for f in found.features} == {"vocabulary_cover", "log_train_rows", "change of log_maximum_evidence"}
    assert found.best.name in ("vocabulary_cover", "change of log_maximum_evidence") and found.best.p < 0.05
    assert found.q2 > 0.9 and found.q2_over_size > 0.9
    # one sd of cover (0.287) is 0.0287 accuracy a nat: over 0.1 nat and half the range, 0.00574
    assert found.best.coefficient == pytest.approx(0.1 * 0.287 * 0.1 / 0.5, rel=0.05)


def test_without_chance_slopes_are_in_standard_deviations():
    (answer,) = predictions(*leaderboard(chance=False))
    assert answer.unit == SPREAD and answer.found is not None


def test_a_score_that_a_task_lacks_is_left_out_by_name():
    records, checkpoints, roles, fits = leaderboard()
    (answer,) = predictions([r for r in records if r.task != "task3_cover"], checkpoints, roles, fits)
    assert answer.left_out == ("vocabulary_cover",) and len(answer.found.features) == 2


def test_several_corpora_are_several_features():
    records, checkpoints, roles, fits = leaderboard()
    more = []
    for r in records:
        if r.metric == "vocabulary_cover":
            more += [record(r.checkpoint, f"{r.task}_{c}", r.value, metric=r.metric, unit="u",
                            details={**r.details, "corpus": c}) for c in ("wiki", "books")]  # fmt: skip
    names = {f"{task}_cover_{c}" for task in TASKS for c in ("wiki", "books")}
    wider = Roles(roles.upstream, (), TASKS, roles.families, affinity=(*roles.affinity, *names))
    kept = [r for r in records if r.metric != "vocabulary_cover"]
    (answer,) = predictions([*kept, *more], checkpoints, wider, fits)
    assert {"vocabulary_cover (wiki)", "vocabulary_cover (books)"} <= {f.name for f in answer.found.features}


def test_too_few_tasks_are_refused_in_one_sentence_and_none_without_features():
    (answer,) = predictions(*leaderboard(tasks=TASKS[:3]))
    assert answer.found is None and answer.refusal.startswith("3 slopes of 3 tasks; 10 slopes of 5 tasks are the least")
    records, checkpoints, roles, fits = leaderboard(tasks=TASKS[:3])
    assert predictions(records, checkpoints, Roles(("loss",), (), TASKS[:3], roles.families), fits) == []


def test_what_a_probe_of_the_same_labels_gains_is_a_feature():
    records, checkpoints, roles, fits = leaderboard()
    data = {task: {"path": "a/b", "name": task} for task in TASKS}
    contexts = {}
    for number, task in enumerate(TASKS):
        contexts[task] = {"parts": {"task": {"kind": "finetune", "data": data[task]}}}
        contexts[f"probe {task}"] = {"parts": {"task": {"kind": "probe", "data": data[task]}}}
        records = [replace(r, context=task) if r.task == task else r for r in records]
        for name, loss in zip(FAMILY, LOSSES, strict=True):
            value = 0.8 - 0.05 * number * (loss - 2)
            records.append(replace(record(name, f"probe {task}", float(value)), context=f"probe {task}"))
    wider = Roles(
        roles.upstream, (), (*TASKS, *(f"probe {task}" for task in TASKS)), roles.families, affinity=roles.affinity
    )
    (answer,) = predictions(records, checkpoints, wider, fits, contexts)
    assert "probe gain" in {f.name for f in answer.found.features}
    (without,) = predictions(records, checkpoints, wider, fits)
    assert "probe gain" not in {f.name for f in without.found.features}
