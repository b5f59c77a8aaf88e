"""Records of flatness tasks meet fits: one answer for each task, families of another definition apart."""

from __future__ import annotations

import dataclasses

import numpy as np
from slope_examples import info, record

from harness.results.roles import Control, Roles
from harness.results.rows import Row
from harness.slopes.fit import fit_all
from harness.slopes.flatness.join import answers
from harness.slopes.join import join


def test_answers_by_task_and_definition() -> None:
    rng = np.random.default_rng(0)
    records, checkpoints, families = [], {}, {"a": [], "b": []}
    for family, names in families.items():
        for i, loss in enumerate(np.linspace(2, 3, 14)):
            name = f"{family}{i}"
            names.append(name)
            checkpoints[name] = info(name)
            own = rng.normal()
            trace = {"metric": "fisher_trace", "unit": "trace", "higher_is_better": False, "signature": f"of {family}"}
            records += [
                record(name, "loss", float(loss), stderr=1e-4),
                record(name, "task", float(0.9 - 0.2 * loss - 0.02 * own)),
                record(name, "other", float(0.9 - 0.2 * loss + rng.normal(0, 0.02))),
                record(name, "fisher", float(np.exp(loss + own)), **trace),
            ]
    roles = Roles(
        upstream=("loss",), flatness=("fisher",), downstream=("task", "other"),
        families={family: tuple(names) for family, names in families.items()},
    )  # fmt: skip
    found = answers(records, checkpoints, roles, fit_all(join(records, checkpoints, roles)))
    assert len(found) == 4  # two tasks, and families a and b apart: their traces have two signatures
    by_task = {task: [(a, q) for a, q in found if a.task == task] for task in ("task", "other")}
    assert all(a.partial.r < -0.9 and q < 0.01 and a.n == 14 for a, q in by_task["task"])
    assert all(q >= a.partial.p for a, q in found)
    alike = [dataclasses.replace(r, signature="one") if r.task == "fisher" else r for r in records]
    assert {a.n for a, _ in answers(alike, checkpoints, roles, fit_all(join(alike, checkpoints, roles)))} == {28}
    apart = [
        dataclasses.replace(r, details={"comparable_group": r.checkpoint[0]}) if r.task == "fisher" else r
        for r in alike
    ]
    for read in (apart, [Row.of(r) for r in apart]):  # one signature, two architectures
        split = answers(read, checkpoints, roles, fit_all(join(read, checkpoints, roles)))
        assert [a.n for a, _ in split] == [14] * 4
    planted = dataclasses.replace(roles, controls=(Control("other", "accuracy", 1.0),))
    asked = answers(records, checkpoints, planted, fit_all(join(records, checkpoints, planted)))
    assert {answer.task for answer, _ in asked} == {"task"}
    assert answers(records, checkpoints, Roles(("loss",), (), ("task",), roles.families), []) == []
