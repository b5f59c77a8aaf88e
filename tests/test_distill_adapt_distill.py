"""The shipped suite of Distill, Adapt, Distill, made and measured whole with small models of a synchronous grammar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.checkpoints import resolve
from harness.evaluator import run
from harness.request import Options, from_suite
from harness.results import Store
from harness.specs import Adapt, Distill, Pretrain
from harness.specs.shipped import suite_path
from tests.makers.test_translation import MARIAN

SUITE = "distill-adapt-distill"
WORDS = "names: 6, nouns: 12, adjectives: 4, verbs: 5, adverbs: 3, postpositions: 3"
OPTIONS = yaml.safe_load(f"{{{WORDS}, general_train: 120, domain_train: 60, general_test: 12, domain_test: 12}}")
SMALL = {"length": 32, "batch_tokens": 512, "learning_rate": 1e-2}
FIRST, LAST = 30, 60
"""Steps of models that begin with random weights: enough that what they say ends."""


def on_the_world(name: str) -> dict[str, Any]:
    """Data of a domain of the world."""
    return {"world": "synchronous", "name": name, "options": OPTIONS}


def made_small(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe of the suite on small data, with small models and few steps."""
    text = "domain_a" if "domains" in recipe or "opus-100" in str(recipe["pairs"]) else "general"
    pairs = [{"data": on_the_world(text), "source": "{{ source }}", "target": "{{ target }}"}]
    steps = {"steps": [1, 2] if "start" in recipe else [FIRST, LAST]}
    found = {**recipe, **SMALL, **steps} | (
        {"domains": {"mixed": {"pairs": pairs}}} if "domains" in recipe else {"pairs": pairs}
    )
    if recipe["maker"] == "distill":
        found["decoding"] = {"beams": 2, "maximum_length": 32}
    if "start" not in recipe:
        width = 32 if recipe["protocol"].endswith("teacher") else 16
        found["architecture"] = MARIAN | {"max_position_embeddings": 64, "d_model": width}
    if recipe["maker"] == "pretrain" and "tokenizer" not in recipe:
        found["tokenizer"] = {"kind": "word", "vocabulary": 256}
    return found


def small_suite() -> dict[str, Any]:
    """The suite with other data and sizes; who is made from whom, and what is compared, is as it ships."""
    text = suite_path(SUITE).read_text().replace("step=300000", f"step={LAST}").replace("step=4000", "step=2")
    suite = yaml.safe_load(
        text.replace("wmt_domain/de-en/news", "own/news").replace("wmt_domain/de-en/mixed", "own/mixed")
    )
    suite["families"] = {name: {"make": made_small(family["make"])} for name, family in suite["families"].items()}
    tasks = {"upstream": ("own/news", "general"), "downstream": ("own/mixed", "domain_a")}
    suite["tasks"] = {
        role: [{"name": name, "include": "synthetic/synchronous_general", "data": on_the_world(domain), "rows": {"test": 12},
                "decoding": {"maximum_length": 8}}]
        for role, (name, domain) in tasks.items()
    }  # fmt: skip
    return suite


def test_every_configuration_starts_and_is_taught_as_the_paper_has_it() -> None:
    """By number: what it starts from, and who teaches it; the nine differ, and each distilled one goes on with the text."""
    made = from_suite(suite_path(SUITE)).made
    found = {}
    for name, recipe in made.items():
        if name[0].isdigit() and not name.endswith("-then-text"):
            start, teacher = (getattr(recipe, field, None) for field in ("start", "teacher"))
            found[int(name[0])] = tuple(one and one.split("/")[0] for one in (start, teacher))
    baseline, student, alone, adapted = "general-baseline", "general-student", "domain-teacher", "adapted-teacher"
    assert found == {
        1: (None, None), 2: (None, alone), 3: (None, adapted), 4: (baseline, None), 5: (baseline, alone), 6: (baseline, adapted),
        7: (student, None), 8: (student, alone), 9: (student, adapted),
    }  # fmt: skip
    taught = [name for name, recipe in made.items() if isinstance(recipe, Distill) and name != student]
    gone_on = [
        recipe.start.split("/")[0] for name, recipe in made.items() if isinstance(recipe, Adapt) and "-then-" in name
    ]
    assert gone_on == taught and len(taught) == 6
    assert all(recipe.decoding.beams == 12 for recipe in made.values() if isinstance(recipe, Distill))
    students = [r for r in made.values() if isinstance(r, Pretrain) and r.architecture.get("d_model") == 256]
    assert len(students) == 5 and all(
        r.learning_rate == 2e-4 and r.label_smoothing == r.architecture["dropout"] == 0.1 for r in students
    )


@pytest.mark.slow
def test_all_configurations_are_made_and_measured(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(json.dumps(small_suite()))
    request = from_suite(tmp_path)
    members = [f"{family}/{name}" for family, recipe in request.made.items() for name in recipe.members()]
    done = run(request, tmp_path, Options())
    assert done.failed == [] and done.measured == 2 * len(members) == 2 * 2 * 20
    folder = tmp_path / "families"
    found = {name: resolve(str(folder / name)) for name in members}
    assert len({one.tokenizer for one in found.values()}) == 1  # the general teacher's, everywhere
    assert len({one.identity for one in found.values()}) == len(members)
    starts = {
        "9-student-of-adapted-teacher": f"general-student/seed=1/step={LAST}",
        "4-baseline": f"general-baseline/seed=1/step={LAST}",
    }
    for family, start in starts.items():
        told = [json.loads(path.read_text())["parent"] for path in (folder / family).rglob("harness.json")]
        assert told == [start] * 2
    by = yaml.safe_load((folder / "9-student-of-adapted-teacher" / "family.yaml").read_text())["from"]
    teacher = "adapted-teacher/domain=mixed/seed=1/step=2"
    assert by == {name: found[name].identity for name in (starts["9-student-of-adapted-teacher"], teacher)}
    assert {record.task for record in Store(tmp_path).records} == {"own/news", "own/mixed"}
