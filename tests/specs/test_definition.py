from __future__ import annotations

from typing import ClassVar

from harness.results import digest
from harness.specs import FlatnessTask, load_protocol, load_task
from harness.specs.model import Spec


class Before(Spec):
    a: int = 1
    b: str = "x"


class After(Spec):
    NOT_MEASURED: ClassVar[tuple[str, ...]] = ("note",)
    a: int = 1
    b: str = "x"
    c: float | None = None
    note: str = ""


def test_a_new_optional_field_leaves_old_definitions_as_they_were():
    assert digest(Before(a=2).definition()) == digest(After(a=2).definition())


def test_anything_that_could_move_the_number_moves_the_definition():
    assert digest(After(a=2).definition()) != digest(After(a=3).definition())
    assert digest(After(a=2).definition()) != digest(After(a=2, c=0.5).definition())


def test_what_cannot_move_a_number_stays_out():
    assert After(note="hello").definition() == After().definition()
    task = load_task("glue/rte")
    assert not {"description", "status", "rows"} & set(task.definition())


def test_definitions_of_shipped_specs_are_what_they_were():
    # A change here is a change of every stored number of the task: raise its version and say so in CHANGELOG.md.
    assert load_task("glue/rte").definition() == {
        "name": "glue/rte", "kind": "finetune",
        "data": {"path": "nyu-mll/glue", "name": "rte", "revision": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"},
        "splits": {"train": "train", "score": "validation"},
        "inputs": ["{{ sentence1 }}", "{{ sentence2 }}"], "labels": ["entailment", "not_entailment"],
        "metrics": ["accuracy"],
    }  # fmt: skip
    assert load_protocol("glue").definition() == {"learning_rates": [2e-5, 3e-5, 4e-5, 5e-5]}


def test_a_spectrum_that_is_asked_for_with_its_defaults_is_another_measurement():
    given = {
        "name": "t", "description": "d", "kind": "flatness", "estimator": "pyhessian", "data": {"path": "a/b"},
        "splits": {"score": "test"},
    }  # fmt: skip
    trace, whole = (FlatnessTask.model_validate(given | more).definition() for more in ({}, {"spectrum": {}}))
    assert "spectrum" not in trace and whole == trace | {"spectrum": {}}
    spectrum = FlatnessTask.model_validate(given | {"estimator": "spectrum", "spectrum": {}})
    assert "spectrum" not in spectrum.definition()
