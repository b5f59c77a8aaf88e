"""The suites that ship, each planned and run from end to end on stand-ins that a Hub on loopback serves under the same names."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.checkpoints.names import lineage, parse
from harness.commands import prepare
from harness.request import from_suite
from harness.specs import TranslationTask, read_yaml
from harness.specs.shipped import suite_names, suite_path
from tests.hub.datasets import publish_datasets
from tests.hub.server import Hub
from tests.hub.stand_ins import publish_checkpoints, publish_choice_data, publish_translation_data
from tests.test_cli import COMMAND, ROOT, harness, one_message

ROWS = 600
"""The limit: more rows than any stand-in has, so that no task runs short of documents."""
RUNS = {"pythia": 3 * 3 + 2 + 2, "multiberts": 5 + 20, "bert-miniatures": 24, "olmo": 3, "opus-mt": 5 + 6 - 2 + 2 + 2}
"""Training runs of each: of MultiBERTs the finals of seeds 0 to 4 belong to the runs of their steps; two of OPUS-MT are of two families."""


MADE = "distill-adapt-distill"
"""A suite whose checkpoints are made: planned here, made small in test_distill_adapt_distill.py."""


def test_suites_are_listed_shown_and_found_by_name(tmp_path):
    assert set(suite_names()) == {*RUNS, MADE}
    listed = json.loads(harness("suites", "list", "--json").stdout)
    assert {row["name"]: sum(row["families"].values()) for row in listed} == {
        "pythia": 3 * 21 + 14 + 7, "multiberts": 65, "bert-miniatures": 24, "olmo": 7, "opus-mt": 15,
        MADE: 2 * 1 + 3 + 2 * 6 + 3 * 6 + 6 * 3 + 6 * 3,
    }  # fmt: skip
    assert "suite:pythia" in harness("suites", "list").stdout
    (tmp_path / "suite.yaml").write_text(harness("suites", "show", "olmo").stdout)
    assert from_suite(tmp_path).families == from_suite(suite_path("olmo")).families
    one_message(harness("plan", "suite:pythiaa"), 3, "no suite 'pythiaa' ships; did you mean 'pythia'?")


def test_results_of_a_shipped_suite_never_go_where_it_ships():
    how = {"device": "cpu", "dtype": "float32", "limit": None, "offline": False}
    wanted = prepare(
        Path("suite:olmo"), [], [], 1, None, text=[], column=None, trust_remote_code=[],
        allow_pickle=["google/multiberts-seed_{0:3}"], **how,
    )  # fmt: skip
    assert wanted.output == Path("results/olmo")
    assert wanted.options.allow_pickle == {f"google/multiberts-seed_{seed}" for seed in range(3)}


def test_names_tell_run_step_and_seed():
    told = {name: lineage(parse(name)) for suite in RUNS for name in names_of(suite)}
    one = told["EleutherAI/pythia-70m-seed2@step1000"]
    assert (one.run, one.step, one.training_seed) == ("EleutherAI/pythia-70m-seed2", 1000, 2)
    one = told["google/multiberts-seed_3-step_20k"]
    assert (one.run, one.step, one.training_seed) == ("google/multiberts-seed_3", 20_000, 3)
    one = told["allenai/OLMo-2-0425-1B@stage1-step140000-tokens294B"]
    assert (one.run, one.step) == ("allenai/OLMo-2-0425-1B", 140_000)
    one = told["google/bert_uncased_L-4_H-512_A-8"]
    assert (one.run, one.step, one.training_seed) == ("google/bert_uncased_L-4_H-512_A-8", None, None)


def names_of(suite: str) -> list[str]:
    return list(dict.fromkeys(n for names in from_suite(suite_path(suite)).families.values() for n in names))


@pytest.fixture(scope="module")
def public(tmp_path_factory) -> Iterator[tuple[Hub, dict[str, str]]]:
    """A Hub of its own with articles enough for flatness, and the environment of a command that asks it."""
    server, home = Hub(), tmp_path_factory.mktemp("home")
    publish_datasets(server, articles=40, rows={"train": 16, "validation": 16, "test": 8})
    publish_choice_data(server)
    translation = from_suite(suite_path("opus-mt")).tasks.values()
    publish_translation_data(server, home / "sacrebleu", [t for t in translation if isinstance(t, TranslationTask)])
    yield server, {"HF_ENDPOINT": server.url, "HF_HOME": str(home / "hf"), "HARNESS_CACHE": str(home / "harness"),
                   "PYTHONPATH": str(ROOT), "SACREBLEU": str(home / "sacrebleu")}  # fmt: skip
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("suite", sorted(RUNS))
def test_a_suite_is_planned_and_measured_whole_on_stand_ins(public, content, tmp_path, suite):
    hub, where = public
    names = names_of(suite)
    publish_checkpoints(hub, content, names)

    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        ask = [*COMMAND, *map(str, arguments), "--limit", str(ROWS), "--json"]
        return subprocess.run(ask, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **where})

    planned = command("plan", f"suite:{suite}")
    assert planned.returncode == 0, planned.stderr
    cells = json.loads(planned.stdout)["cells"]
    assert {cell["state"] for cell in cells} == {"to do"} and {cell["checkpoint"] for cell in cells} == set(names)
    done = command("run", f"suite:{suite}")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["failed"] == 0 and told["measured"] == len({cell["key"] for cell in cells})
    assert told["measured"] + told["already"] == len(cells)
    checkpoints_are_told_apart(tmp_path / "results" / suite, names, RUNS[suite])
    roles_are_those_of_the_file(tmp_path / "results" / suite, suite)
    again = json.loads(command("run", tmp_path / "results" / suite).stdout)
    assert (again["measured"], again["already"]) == (0, len(cells))


@pytest.mark.slow
def test_a_suite_that_makes_its_checkpoints_is_planned_before_any_of_them_stands(public, tmp_path):
    ask = [*COMMAND, "plan", f"suite:{MADE}", "--json"]
    planned = subprocess.run(ask, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **public[1]})
    assert planned.returncode == 0, planned.stderr
    cells = json.loads(planned.stdout)["cells"]
    assert {cell["state"] for cell in cells} == {"after making"} and len(cells) == 2 * len(names_of(MADE))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def checkpoints_are_told_apart(folder: Path, names: list[str], runs: int) -> None:
    """Every checkpoint has a line, an identity of its own, and the run, step and seed of its name."""
    found = {name: info for info in lines(folder / "checkpoints.jsonl") for name in info["names"]}
    assert set(found) == set(names) and len({info["identity"] for info in found.values()}) == len(names)
    for name, info in found.items():
        told = lineage(parse(name))
        assert (info["run"], info.get("step"), info.get("training_seed")) == (told.run, told.step, told.training_seed)
    assert len({info["run"] for info in found.values()}) == runs


def roles_are_those_of_the_file(folder: Path, suite: str) -> None:
    """The folder's own suite says what the shipped one does, and every task of it was measured."""
    assert read_yaml(folder / "suite.yaml").value == read_yaml(suite_path(suite)).value
    request = from_suite(suite_path(suite))
    assert {record["task"] for record in lines(folder / "results.jsonl")} == set(request.tasks)
    assert not [record for record in lines(folder / "results.jsonl") if record.get("error")]
