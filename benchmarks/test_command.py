"""How fast the command answers, and how fast it sees that 1,000 cells are measured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.plan import plan
from harness.request import Options, from_arguments
from harness.results import CheckpointInfo, Record, Store, digest


@pytest.mark.benchmark(group="command")
@pytest.mark.parametrize("arguments", [["--help"], ["tasks", "list"]], ids=["help", "tasks list"])
def test_answers(benchmark, arguments):
    run = lambda: subprocess.run([sys.executable, "-m", "harness.cli", *arguments], capture_output=True, check=True)  # noqa: E731
    benchmark.pedantic(run, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="resume")
def test_a_thousand_measured_cells(benchmark, model_and_tokenizer, tmp_path):
    """One checkpoint, two world tasks under 500 seeds: every key is recognised."""
    model, tokenizer = model_and_tokenizer
    folder = tmp_path / "step-1"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    request = from_arguments([str(folder)], ["synthetic/hmm_state", "synthetic/hmm_source"], tuple(range(1, 501)))
    planned = plan(request, Options(), tmp_path / "out", Store(tmp_path / "out"))
    records = [
        Record(key=p.key, metric="accuracy", value=0.5, unit="fraction", higher_is_better=True, task=p.task.name,
               task_version=1, checkpoint="c", seed=p.seed, signature=digest(p.parts), context="x")
        for p in planned
    ]  # fmt: skip
    with Store.writing(tmp_path / "out") as writer:
        writer.add_all(records, [], [CheckpointInfo(identity="c", names=("c",), run="c")])

    def resume() -> int:
        return sum(p.state == "done" for p in plan(request, Options(), tmp_path / "out", Store(tmp_path / "out")))

    assert benchmark.pedantic(resume, rounds=3) == 1000
