from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from regress_examples import Cell, folder, right

from harness.pytest_plugin import Check, RegressedError

ROOT = Path(__file__).parents[2]
TESTS = """
def test_as_good(harness_regress):
    found = harness_regress("same", task="glue/rte")
    assert [answer.verdict for answer in found.answers] == ["equivalent"]

def test_worse(harness_regress):
    harness_regress("worse")
"""


@pytest.fixture
def folders(tmp_path):
    folder(tmp_path / "base", Cell(outcomes=right(0.8)))
    folder(tmp_path / "same", Cell(outcomes=right(0.8)), identity="weights:2")
    folder(tmp_path / "worse", Cell(outcomes=right(0.6)), identity="weights:3")
    return tmp_path


def test_a_check_passes_or_fails_and_names_the_rows(folders):
    check = Check(folders / "base")
    assert [answer.verdict for answer in check(folders / "same").answers] == ["equivalent"]
    with pytest.raises(RegressedError, match=r"(?s)worse: glue/rte accuracy of model: .*rows that got worse: 240, 241"):
        check(folders / "worse")
    check(folders / "worse", tolerance="0.3")
    check(folders / "worse", fail_on="loss")


@pytest.mark.slow
def test_pytest_itself_takes_the_option_and_skips_without_it(folders):
    (folders / "test_metric.py").write_text(TESTS)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "harness.pytest_plugin",
            "-q",
            "-rs",
            "test_metric.py",
            *options,
        ]
        return subprocess.run(
            command, cwd=folders, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    done = run("--harness-baseline", "base")
    assert "1 failed, 1 passed" in done.stdout and "RegressedError" in done.stdout, done.stdout + done.stderr
    assert "no baseline: give --harness-baseline FILE" in run().stdout
    (folders / "pytest.ini").write_text("[pytest]\nharness_baseline = base\n")
    assert "1 failed, 1 passed" in run().stdout
