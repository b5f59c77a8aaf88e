from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from harness.specs import read_yaml, shipped_tasks, task_names
from harness.specs.schema import suite_schema, task_schema

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "schema"), [("task", task_schema), ("suite", suite_schema)])
def test_the_published_schema_is_the_code_s(name, schema):
    published = json.loads((ROOT / "schema" / f"{name}.json").read_text())
    assert published == schema(), f"run: python -m harness.specs.schema {name} > schema/{name}.json"


def test_every_shipped_spec_and_suite_is_valid_by_the_schema():
    validator = jsonschema.Draft202012Validator(task_schema())
    for name in task_names():
        validator.validate(read_yaml(shipped_tasks() / f"{name}.yaml").value)
    suites = jsonschema.Draft202012Validator(suite_schema())
    for path in (*(ROOT / "leaderboards").glob("*/suite.yaml"), *(shipped_tasks() / "_suites").glob("*.yaml")):
        suites.validate(read_yaml(path).value)


def test_the_schema_refuses_what_the_code_refuses():
    validator = jsonschema.Draft202012Validator(task_schema())
    spec = read_yaml(shipped_tasks() / "glue/rte.yaml").value
    assert not validator.is_valid(spec | {"protocl": "glue"})
    assert not validator.is_valid(spec | {"kind": "finetuning"})


def test_ranges_and_names_of_text_are_valid_in_a_recipe():
    make = {
        "maker": "pretrain",
        "objective": "causal",
        "start": "a/b",
        "corpus": "lm_loss/wiki",
        "steps": "10:30:10",
        "seeds": 3,
    }
    suite = {"families": {"f": {"make": make}}, "tasks": {"upstream": ["lm_loss/wiki"]}}
    validator = jsonschema.Draft202012Validator(suite_schema())
    validator.validate(suite)
    make["steps"] = "10 to 30"
    assert not validator.is_valid(suite)
