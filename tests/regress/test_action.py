"""``action.yml``: what GitHub reads is sound, and ``scripts/action`` runs its steps as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from regress_examples import Cell, folder, right

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def run(*inputs: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/action"), *inputs]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_every_input_is_said_what_for_and_reaches_a_step_by_its_environment():
    steps = ACTION["runs"]["steps"]
    given = " ".join(value for step in steps for value in [*step["env"].values(), step.get("if", "")])
    assert all(one["description"] for one in ACTION["inputs"].values())
    assert all(f"inputs.{name}" in given for name in ACTION["inputs"])
    # An expression inside a script would let a pull request's own text run as part of it.
    assert not any("${{" in step["run"] for step in steps)
    assert all(step["shell"] == "bash" for step in steps)


def test_steps_are_run_with_what_they_are_given_and_patterns_stay_patterns(tmp_path):
    (tmp_path / "python").write_text('#!/bin/bash\nprintf "%s\\n" "$@" >> told\n')
    (tmp_path / "python").chmod(0o755)
    done = run("python=./python", "baseline=base", "measure=my/suite --seeds 3", "arguments=--task *", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "told").read_text().splitlines()
    assert told[:4] == ["-m", "pip", "install", "--quiet"] and str(ROOT) in told
    assert told[7:16] == ["-m", "harness", "run", "my/suite", "--seeds", "3", "-o", "results/regress", "--no-board"]
    assert told[16:] == ["-m", "harness", "regress", "results/regress", "--baseline", "base", "--fail-on", "metric,loss",
                         "--junit", "harness-regress.xml", "--github", "--task", "*"]  # fmt: skip


def test_an_input_that_is_missing_or_unknown_is_told(tmp_path):
    assert "baseline=VALUE" in run(cwd=tmp_path).stderr
    assert "no input ['base']" in run("base=x", cwd=tmp_path).stderr


@pytest.mark.slow
@pytest.mark.parametrize(("share", "status"), [(0.8, 0), (0.6, 1)])
def test_the_status_of_the_action_is_that_of_the_comparison(tmp_path, share, status):
    folder(tmp_path / "a", Cell(outcomes=right(0.8)))
    folder(tmp_path / "b", Cell(outcomes=right(share)), identity="weights:2")
    done = run(f"python={sys.executable}", "install=none", "baseline=a", "results=b", cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert (tmp_path / "harness-regress.xml").is_file()
