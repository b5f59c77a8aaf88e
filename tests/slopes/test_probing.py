"""Probes are paired with fine-tuned tasks by what the contexts say they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slope_examples import info, record

from harness.results.roles import Control, Roles
from harness.slopes.probing import probe_answers

FAMILY = tuple(f"c{i}" for i in range(8))
TUNED = np.array([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85])
DATA = {"path": "nyu-mll/glue", "name": "sst2"}
CONTEXTS = {
    name: {"parts": {"task": {"kind": kind, "data": data, "target": "label"}}}
    for name, kind, data in (("tuned", "finetune", DATA), ("probe", "probe", DATA), ("skill", "probe", {"path": "a/b"}),
                             ("loss", "lm_loss", {"path": "a/b"}))
}  # fmt: skip
ROLES = Roles(("loss",), (), ("tuned", "probe", "skill"), {"family": FAMILY})
CHECKPOINTS = {name: info(name) for name in FAMILY}


def records(**values):
    return [
        replace(record(name, task, float(value), metric="accuracy"), context=task)
        for task, column in values.items()
        for name, value in zip(FAMILY, column, strict=False)
    ]


def test_same_labels_come_first_and_carry_the_gain():
    found = probe_answers(records(tuned=TUNED, probe=TUNED - 0.1, skill=-TUNED), CHECKPOINTS, CONTEXTS, ROLES)
    same, other = found
    assert (same.probe, same.task, same.same_data) == (("probe", "accuracy"), ("tuned", "accuracy"), True)
    assert same.found.rho == pytest.approx(1) and same.gain == pytest.approx(0.1) and same.q < 0.05
    assert not other.same_data and other.gain is None and other.found.rho == pytest.approx(-1)


def test_too_few_checkpoints_and_constant_values_are_refused_in_a_sentence():
    (few,) = probe_answers(records(tuned=TUNED[:4], probe=TUNED[:4]), CHECKPOINTS, CONTEXTS, ROLES)
    assert few.found is None and few.refusal.startswith("4 checkpoints have both; 6 are the least")
    (flat,) = probe_answers(records(tuned=TUNED, probe=np.ones(8)), CHECKPOINTS, CONTEXTS, ROLES)
    assert flat.found is None and "one value of probe" in flat.refusal and flat.q is None


def test_values_that_were_measured_in_two_ways_have_no_order():
    given = records(tuned=TUNED, probe=TUNED)
    two_ways = [replace(given[0], signature="another"), *given[1:]]
    (mixed,) = probe_answers(two_ways, CHECKPOINTS, CONTEXTS, ROLES)
    assert mixed.found is None and mixed.gain is None and "2 signatures" in mixed.refusal


def test_controls_and_suites_without_probes_are_not_asked():
    given = records(tuned=TUNED, probe=TUNED)
    planted = replace(ROLES, controls=(Control("probe", "accuracy", 1.0, ""),))
    assert probe_answers(given, CHECKPOINTS, CONTEXTS, planted) == []
    assert probe_answers(records(tuned=TUNED), CHECKPOINTS, CONTEXTS, ROLES) == []
