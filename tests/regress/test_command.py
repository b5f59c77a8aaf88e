"""The command as a user meets it: verdicts, exit status, files."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from regress_examples import Cell, folder, right

from tests.test_cli import harness, one_message

SUITE = """families: {f: {checkpoints: [model]}}
tasks: {upstream: [wiki], downstream: [glue/rte]}
"""


def losses(level: float, number: int = 200, seed: int = 0) -> np.ndarray:
    """Nats of documents of a hundred tokens, whose differences between two levels are small beside them."""
    draws = np.random.default_rng(seed)
    return 100 * (level + draws.normal(0, 0.3, number)) + np.random.default_rng(int(level * 1e6)).normal(0, 1, number)


def wiki(level: float, **known) -> Cell:
    return Cell("wiki", "nats_per_token", losses(level), np.full(200, 100.0), **known)


def both(tmp_path: Path, before: list[Cell], now: list[Cell], *options: object) -> tuple[int, dict]:
    """Exit status and JSON of a comparison."""
    folder(tmp_path / "a", *before)
    folder(tmp_path / "b", *now, identity="weights:2")
    done = harness("regress", "b", "--baseline", "a", "--json", *options, cwd=tmp_path)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def verdicts(told: dict) -> dict[str, str]:
    return {f"{cell['task']} {cell['metric']}": cell["verdict"] for cell in told["cells"]}


@pytest.mark.parametrize(("now", "status", "verdict"), [
    (Cell(outcomes=right(0.7, noise=0.003, seed=1)), 1, "worse"),
    (Cell(outcomes=right(0.9, noise=0.003, seed=1)), 0, "better"),
    (Cell(outcomes=right(0.8, noise=0.003, seed=1)), 0, "equivalent"),
    (Cell(outcomes=right(0.78, noise=0.02, seed=1)), 0, "undecided"),
    (Cell(outcomes=right(0.1, seeds=2)), 0, "undecided"),
    (Cell(outcomes=right(0.7), version="2"), 2, "incomparable"),
    (Cell("glue/cola", outcomes=right(0.7)), 2, "missing"),
])  # fmt: skip
def test_each_verdict_and_its_exit_status(tmp_path, now, status, verdict):
    found, told = both(tmp_path, [Cell(outcomes=right(0.8, noise=0.003))], [now])
    assert (found, told["cells"][0]["verdict"], told["status"]) == (status, verdict, status)


def test_worse_goes_before_missing(tmp_path):
    status, told = both(tmp_path, [wiki(3.0), Cell(outcomes=right(0.8))], [wiki(3.1)])
    assert status == 1 and verdicts(told) == {"wiki nats_per_token": "worse", "glue/rte accuracy": "missing"}


def test_only_the_sorts_that_are_named_fail(tmp_path):
    status, told = both(tmp_path, [wiki(3.0)], [wiki(3.1)], "--fail-on", "metric")
    assert status == 0 and told["cells"][0]["verdict"] == "worse" and not told["cells"][0]["fails"]


def test_two_seeds_are_undecided_and_say_how_many_would_do(tmp_path):
    _, told = both(tmp_path, [Cell(outcomes=right(0.8))], [Cell(outcomes=right(0.1, seeds=2))])
    assert "at least 3 seeds" in told["cells"][0]["needed"]


def test_the_rows_that_flipped_are_named(tmp_path):
    before, now = np.ones(50), np.ones(50)
    before[7], now[[3, 11]] = 0, 0
    _, told = both(tmp_path, [Cell(outcomes=before, seeded=True)], [Cell(outcomes=now, seeded=True)])
    assert told["cells"][0]["flipped"] == {"worse": [3, 11], "better": [7], "n_worse": 2, "n_better": 1, "scored": 50}


def test_bits_per_byte_share_the_verdict_of_nats(tmp_path):
    sides = [wiki(level, more={"bits_per_byte": [float(losses(level).sum() / 20000) / 3]}) for level in (3.0, 3.1)]
    status, told = both(tmp_path, [sides[0]], [sides[1]])
    assert status == 1 and set(verdicts(told).values()) == {"worse"}
    assert "in another unit" in told["cells"][1]["text"]


def test_tolerances_go_from_the_command_line_to_a_verdict(tmp_path):
    assert both(tmp_path, [wiki(3.0)], [wiki(3.05)])[0] == 1
    done = harness("regress", "b", "-b", "a", "--tolerance", "wiki=0.08", cwd=tmp_path)
    assert done.returncode == 0 and "equivalent" in done.stdout


def test_a_table_a_junit_file_a_summary_and_annotations(tmp_path, monkeypatch):
    folder(tmp_path / "a", wiki(3.0), Cell(outcomes=right(0.8)), Cell("gone", outcomes=right(0.5)))
    folder(tmp_path / "b", wiki(3.1), Cell(outcomes=right(0.8, seeds=2, seed=2, noise=0.01)), identity="weights:2")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = harness("regress", "b", "-b", "a", "--junit", "out/junit.xml", "--github", cwd=tmp_path)
    assert done.returncode == 1 and "rows that got worse:" in done.stdout and "regressed: " in done.stdout
    root = ElementTree.parse(tmp_path / "out/junit.xml").getroot()
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "1", "errors": "1", "skipped": "1"}  # fmt: skip
    assert root.find(".//testcase[@classname='wiki']/failure").get("message").startswith("worse: ")
    summary = (tmp_path / "summary.md").read_text()
    assert (
        "❌ worse" in summary
        and "❌ missing" in summary
        and "<details>" in summary
        and "rows that got worse" in summary
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert lines[0].startswith("::error title=worse%3A wiki nats_per_token of model::3.0063 -> 3.1057 [")


@pytest.mark.parametrize(("arguments", "parts"), [
    (["none", "-b", "a"], ["none holds no results.jsonl"]),
    (["a", "-b", "none"], ["no baseline at none"]),
    (["a", "-b", "a"], ["is the baseline itself"]),
    (["b", "-b", "a", "--fail-on", "metrics"], ["no such sort", "did you mean 'metric'"]),
    (["b", "-b", "a", "--tolerance", "x"], ["expected AMOUNT"]),
    (["b", "-b", "a", "-t", "nothing"], ["no cell of a is compared", "glue/rte"]),
    (["b", "-b", "a", "--alias", "x"], ["expected NEW=OLD"]),
    (["b", "-b", "a", "--reference", "x"], ["no task that both sides measured"]),
])  # fmt: skip
def test_bad_input_is_one_message_and_status_3(tmp_path, arguments, parts):
    for name in "ab":
        folder(tmp_path / name, Cell(outcomes=right(0.8, 20)))
    one_message(harness("regress", *arguments, cwd=tmp_path), 3, *parts)


def test_a_baseline_takes_over_what_fails_with_a_reason_and_is_then_met(tmp_path):
    folder(tmp_path / "a", wiki(3.0), Cell(outcomes=right(0.8)), Cell("gone", outcomes=right(0.5)))
    (tmp_path / "a/baseline.yaml").write_text(
        "# kept\ntolerances:\n- {task: wiki, tolerance: 0.02, because: another machine}\n"
    )
    folder(tmp_path / "b", wiki(3.1), Cell(outcomes=right(0.7), version="2"), identity="weights:2")
    ask = ["baseline", "update", "b", "-b", "a", "--reason", "a better recipe"]
    tried = harness(*ask, "--dry-run", cwd=tmp_path)
    assert tried.returncode == 0 and "would change" in tried.stdout
    assert "changes" not in (tmp_path / "a/baseline.yaml").read_text()
    assert harness("regress", "b", "-b", "a", cwd=tmp_path).returncode == 1
    done = harness(*ask, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changes = {(c["task"], c["state"]): c for c in json.loads(done.stdout)["changes"]}
    assert set(changes) == {("wiki", "replaced"), ("glue/rte", "replaced"), ("gone", "gone")}
    assert changes["wiki", "replaced"]["was"] == pytest.approx(3.0, abs=0.1)
    text = (tmp_path / "a/baseline.yaml").read_text()
    assert text.startswith("# kept\ntolerances:") and text.count("a better recipe") == 3
    again = harness("regress", "b", "-b", "a", "--json", cwd=tmp_path)
    told = json.loads(again.stdout)
    assert again.returncode == 0, again.stdout
    assert verdicts(told) == {
        "wiki nats_per_token": "equivalent", "glue/rte accuracy": "equivalent", "gone accuracy": "accepted"}  # fmt: skip
    one_message(harness(*ask, cwd=tmp_path), 3, "nothing to update")


def test_outcomes_are_taken_over_so_that_the_next_comparison_is_paired(tmp_path):
    folder(tmp_path / "a", wiki(3.0))
    folder(tmp_path / "b", wiki(3.1), identity="weights:2")
    folder(tmp_path / "c", wiki(3.101), identity="weights:3")
    assert harness("baseline", "update", "b", "-b", "a", "--reason", "r", cwd=tmp_path).returncode == 0
    told = json.loads(harness("regress", "c", "-b", "a", "--json", cwd=tmp_path).stdout)["cells"][0]
    assert told["examples"] == 200 and told["verdict"] == "equivalent"


def test_an_update_may_name_its_cells_and_takes_new_ones(tmp_path):
    folder(tmp_path / "a", wiki(3.0), Cell(outcomes=right(0.8)))
    folder(tmp_path / "b", wiki(3.1), Cell(outcomes=right(0.5)), Cell("new", outcomes=right(0.6)), identity="weights:2")
    done = harness(
        "baseline", "update", "b", "-b", "a", "--reason", "r", "-t", "new", "-t", "wiki", "--json", cwd=tmp_path
    )
    assert {c["task"] for c in json.loads(done.stdout)["changes"]} == {"new", "wiki"}
    told = json.loads(harness("regress", "b", "-b", "a", "--json", cwd=tmp_path).stdout)
    assert verdicts(told)["glue/rte accuracy"] == "worse" and verdicts(told)["new accuracy"] == "equivalent"


def test_an_update_without_a_reason_is_refused(tmp_path):
    folder(tmp_path / "a", wiki(3.0))
    folder(tmp_path / "b", wiki(3.1), identity="weights:2")
    one_message(harness("baseline", "update", "b", "-b", "a", "--reason", " ", cwd=tmp_path), 3, "--reason is empty")
    one_message(harness("baseline", "update", "b", "-b", "a", cwd=tmp_path), 2, "Missing option '--reason'")


def test_a_baseline_file_may_stand_elsewhere_and_hold_to_some_cells_alone(tmp_path):
    folder(tmp_path / "boards/a", wiki(3.0), Cell(outcomes=right(0.8)))
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci/baseline.yaml").write_text("results: ../boards/a\nonly:\n- {task: wiki}\n")
    folder(tmp_path / "b", wiki(3.0001), identity="weights:2")
    done = harness("regress", "b", "-b", "ci/baseline.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0 and list(verdicts(json.loads(done.stdout))) == ["wiki nats_per_token"]
