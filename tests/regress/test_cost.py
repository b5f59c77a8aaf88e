from __future__ import annotations

import json

import numpy as np
import pytest
from regress_examples import Cell, folder

from tests.test_cli import harness


def cells(
    seconds: dict[str, float], *, machine: float = 1.0, tokens: int = 100, noise: float = 0.05, seed: int = 0
) -> list[Cell]:
    """Six checkpoints of each task; the first measurement of each takes ten times as long."""
    draws, found = np.random.default_rng(seed), []
    for task, each in seconds.items():
        for n in range(6):
            took = each * machine * float(np.exp(draws.normal(0, noise))) * (10 if n == 0 else 1)
            found.append(Cell(task, "acc", values=[0.5], checkpoint=f"m{n}", seconds=took, tokens=tokens))
    return found


def costs(tmp_path, now: list[Cell], *options: str) -> dict[tuple[str, str], str]:
    folder(tmp_path / "a", *cells({"a": 1.0, "b": 2.0, "c": 3.0}))
    folder(tmp_path / "b", *now, identity="weights:2")
    done = harness("regress", "b", "-b", "a", "--fail-on", "cost", "--json", *options, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == told["status"]
    return {(c["task"], c["metric"]): c["verdict"] for c in told["cells"] if c["group"] == "cost"}


def test_a_machine_that_is_three_times_as_slow_is_no_regression(tmp_path):
    found = costs(tmp_path, cells({"a": 1.0, "b": 2.0, "c": 3.0}, machine=3.0, seed=1))
    assert {found[task, "seconds"] for task in "abc"} == {"equivalent"}


def test_a_task_that_got_slower_beside_the_others_is_worse(tmp_path):
    found = costs(tmp_path, cells({"a": 1.0, "b": 4.0, "c": 3.0}, machine=0.3, seed=1))
    assert {task: found[task, "seconds"] == "worse" for task in "abc"} == {"a": False, "b": True, "c": False}


def test_a_reference_task_says_how_fast_the_machine_is_and_is_not_judged(tmp_path):
    found = costs(tmp_path, cells({"a": 1.0, "b": 4.0, "c": 6.0}, seed=1), "--reference", "a")
    assert ("a", "seconds") not in found and found["b", "seconds"] == found["c", "seconds"] == "worse"


def test_tokens_are_held_as_they_are(tmp_path):
    found = costs(tmp_path, cells({"a": 1.0, "b": 2.0, "c": 3.0}, tokens=150))
    assert found["a", "tokens"] == "worse" and found["a", "peak_bytes"] == "equivalent"


def job(name: str, mean: float, group: str = "g", rounds: int = 20, peak: float | None = None) -> dict:
    stats = {"mean": mean, "stddev": mean * 0.02, "rounds": rounds, "min": mean, "median": mean}
    return {
        "fullname": name,
        "name": name,
        "group": group,
        "stats": stats,
        "extra_info": {"peak_bytes": peak} if peak else {},
    }


def benchmarks(tmp_path, before: list[dict], now: list[dict], *options: str):
    for name, jobs in (("a", before), ("b", now)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"benchmarks": jobs}))
    return harness("regress", "b.json", "-b", "a.json", "--fail-on", "cost", "--json", *options, cwd=tmp_path)


@pytest.mark.parametrize(("ours", "theirs", "verdict", "status"), [
    (3.0, 3.0, "equivalent", 0), (3.0, 1.0, "worse", 1), (1.0, 1.0, "equivalent", 0), (1.0, 3.0, "better", 0),
])  # fmt: skip
def test_a_benchmark_is_held_against_its_peer_in_the_same_run(tmp_path, ours, theirs, verdict, status):
    done = benchmarks(tmp_path, [job("ours", 1.0), job("peer", 2.0)], [job("ours", ours), job("peer", 2 * theirs)],
                      "--reference", "peer")  # fmt: skip
    told = json.loads(done.stdout)["cells"]
    assert [(c["task"], c["verdict"]) for c in told] == [("ours", verdict)] and done.returncode == status


def test_memory_of_a_benchmark_is_held_as_it_is(tmp_path):
    peer = job("peer", 1.0)
    done = benchmarks(
        tmp_path, [job("ours", 1.0, peak=1e6), peer], [job("ours", 1.0, peak=1.5e6), peer], "--reference", "p*"
    )
    assert {c["metric"]: c["verdict"] for c in json.loads(done.stdout)["cells"]} == {
        "seconds": "equivalent", "peak_bytes": "worse"}  # fmt: skip


def test_a_benchmark_that_is_gone_and_files_that_are_none_are_told(tmp_path):
    assert benchmarks(tmp_path, [job("ours", 1.0), job("peer", 1.0)], [job("peer", 1.0)]).returncode == 2
    (tmp_path / "c.json").write_text("{}")
    done = harness("regress", "c.json", "-b", "a.json", cwd=tmp_path)
    assert done.returncode == 3 and "--benchmark-json" in done.stderr
    done = benchmarks(tmp_path, [job("ours", 1.0)], [job("ours", 1.0)])
    assert done.returncode == 3 and "no benchmark" in done.stderr
