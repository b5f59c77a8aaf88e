"""Traces beside PyHessian at its best, at equal standard error; a draw beside a training gradient; larger shapes.

Every row is taken in a process of its own: CPU time on one thread, and peak memory above the model and the text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from flatness_model import write_model
from flatness_rows import open_sequences
from transformers import AutoModelForCausalLM

from harness.measures.flatness.pyhessian import PyhessianTrace, pyhessian_trace

ERROR, SEQUENCES = 0.02, 2000
"""Standard error over the value that every method is to reach, and the sequences that there are for it at most."""
Take = Callable[..., dict[str, Any]]
SIZES = ["gpt2-small", "gpt2-350m"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of 446,304 parameters after 500 steps, and text that it has not seen."""
    return write_model(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def pilot(trained: Path) -> PyhessianTrace:
    """How much documents and shared probes vary, to find PyHessian's best layout."""
    model = AutoModelForCausalLM.from_pretrained(trained)
    rows = open_sequences(model, str(trained / "text.pt"), 48, 128)
    return pyhessian_trace(model, rows, objective="causal", seed=0, precision=None, probes=16)


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """What is printed when all rows are taken."""
    rows: list[str] = []
    yield rows
    print("", *rows, sep="\n")


@pytest.fixture
def take(benchmark, table: list[str]) -> Take:
    """Take one row: the benchmark's own time is that of the whole process."""

    def run(threads: int = 1, **request: Any) -> dict[str, Any]:
        script = Path(__file__).parent / "flatness_rows.py"
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
        command = [sys.executable, str(script), json.dumps(request)]
        process = lambda: subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: E731
        row = json.loads(benchmark.pedantic(process, rounds=1).stdout.splitlines()[-1])
        benchmark.extra_info.update(row)
        table.append(
            f"{row['model']:>12}  {row['method']:<26} {row['value']:>12,.4g} +- {row['stderr']:<8.3g} {row['draws']:>6} draws "
            f"{row['cpu_seconds']:>8.2f} CPU s {row['seconds']:>8.2f} s {row['peak_bytes'] / 2**20:>7.0f} MB"
        )
        return row

    return run


def cost_at(error: float, row: dict[str, Any]) -> float:
    """CPU seconds at a standard error: a method stops near it, and its cost goes with the inverse square."""
    return row["cpu_seconds"] * (row["stderr"] / row["value"] / error) ** 2


@pytest.mark.benchmark(group=f"trace to a standard error of {ERROR:.0%}")
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("fisher", {}),
        ("hessian", {}),
        ("pyhessian single batches", {"batch": 8}),
        ("pyhessian single batches", {"batch": 1}),
    ],
    ids=["fisher", "hessian", "pyhessian-batches-of-8", "pyhessian-batches-of-1"],
)
def test_fresh_probes(take: Take, table: list[str], trained: Path, method: str, options: dict[str, int]):
    row = take(
        method=method, model=str(trained), text=str(trained / "text.pt"), count=SEQUENCES, error=ERROR, **options
    )
    table.append(f"{'':14}at {ERROR:.0%} exactly: {cost_at(ERROR, row):.2f} CPU s")
    assert 0 < row["stderr"] <= 1.05 * ERROR * row["value"]


def best_layout(pilot: PyhessianTrace, error: float) -> tuple[int, int]:
    """The fewest sequences times shared probes whose error, from the parts of a pilot, is small enough."""
    both = max(0.0, pilot.data_stderr**2 + pilot.probe_stderr**2 - pilot.stderr**2) * pilot.sequences * pilot.probes
    data = pilot.data_stderr**2 * pilot.sequences - both / pilot.probes
    probe = pilot.probe_stderr**2 * pilot.probes - both / pilot.sequences
    layouts = [(s * k, s, k) for s in range(8, SEQUENCES + 1, 8) for k in range(2, 257)]
    enough = [(n, s, k) for n, s, k in layouts if data / s + probe / k + both / n <= (error * pilot.trace) ** 2]
    return min(enough)[1:]


@pytest.mark.benchmark(group=f"trace to a standard error of {ERROR:.0%}")
def test_pyhessian_with_a_data_loader(take: Take, table: list[str], trained: Path, pilot: PyhessianTrace):
    """Its cost is that of a probe times the probes: two are run, and counted as all that the error needs."""
    sequences, probes = best_layout(pilot, ERROR)
    row = take(method="pyhessian data loader", model=str(trained), text=str(trained / "text.pt"), count=sequences, probes=2)  # fmt: skip
    table.append(f"{'':14}at {ERROR:.0%} exactly: {row['cpu_seconds'] * probes / 2:.2f} CPU s ({probes} probes)")
    assert row["value"] == pytest.approx(pilot.trace, rel=0.5)


@pytest.mark.benchmark(group="a Fisher draw over a training gradient")
@pytest.mark.parametrize(("model", "length"), [("gpt2-20m", 128), ("gpt2-20m", 256), ("minilm", 128)])
def test_a_draw_beside_a_training_gradient(take: Take, table: list[str], model: str, length: int):
    assert take(method="draw over gradient", model=model, count=32, length=length)["value"] > 0
    table.append(f"{'':14}at {length} tokens")


@pytest.mark.benchmark(group="GPT-2 small's shape, 2 threads")
@pytest.mark.parametrize(("method", "options"), [("fisher", {"count": 64, "error": 0.025}), ("gradient", {"count": 8})])
def test_gpt2_small_on_two_cores(take: Take, method: str, options: dict[str, float]):
    """The Fisher trace to a 95 % half-width of 5 %, and gradients beside it."""
    row = take(threads=2, method=method, model="gpt2-small", **options)
    assert method == "gradient" or row["stderr"] <= 0.026 * row["value"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.benchmark(group="32 draws on a GPU, sequences of 1,024 tokens")
@pytest.mark.parametrize("method", ["gradient", "fisher", "hessian"])
@pytest.mark.parametrize("model", SIZES)
def test_larger_shapes_on_a_gpu(take: Take, model: str, method: str):
    assert take(method=method, model=model, count=32, length=1024, device="cuda")["draws"] == 32
