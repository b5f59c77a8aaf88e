"""Reading, joining and fitting a large results folder: a fiftieth of 1,000,000 records.

The whole: ``python benchmarks/test_large_folder.py FOLDER 200`` writes 200 families (690 MB), if FOLDER is not there,
and tells CPU seconds and peak memory of each step; 4 and 20 families show whether it grows linearly. On two cores, beside
another job on both: 1,004,000 records and 10,000 cells in 58 s (read 13, join 5, fit 40; 56 s of CPU), 860 MB at most;
100,400 records and 1,000 cells take 7.4 s of CPU, 2 of them imports.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from large_folder import Size, write_folder

from harness.results import Store
from harness.slopes.fit import fit_all
from harness.slopes.join import join

SMALL = Size(families=4)


@pytest.fixture(scope="session")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,080 records of 4 families on 50 tasks."""
    return write_folder(tmp_path_factory.mktemp("large"), SMALL)


@pytest.mark.benchmark(group="20,080 records")
@pytest.mark.parametrize("read", [Store, Store.of_rows], ids=["records, line by line", "rows, in columns"])
def test_read(benchmark, large_folder, read):
    assert len(benchmark.pedantic(read, (large_folder,), rounds=3, warmup_rounds=1).records) == 20_080


@pytest.mark.benchmark(group="20,080 records")
def test_join(benchmark, large_folder):
    store = Store.of_rows(large_folder)
    cells = benchmark.pedantic(join, (store.records, store.checkpoints, SMALL.roles), rounds=3, warmup_rounds=1)
    assert len(cells) == 200


@pytest.mark.benchmark(group="20,080 records")
def test_fit(benchmark, large_folder):
    store = Store.of_rows(large_folder)
    cells = join(store.records, store.checkpoints, SMALL.roles)
    fits = benchmark.pedantic(fit_all, (cells,), rounds=2, warmup_rounds=1)
    assert sum(fit.status == "refused" for fit in fits) == 0


def timed(name: str, step: Callable[[], Any]) -> Any:
    """Run a step and print its CPU seconds, those of child processes included, wall seconds and the peak memory."""
    before, began = cpu_seconds(), time.perf_counter()
    found = step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall = time.perf_counter() - began
    print(f"{name:6} {cpu_seconds() - before:8.1f} s CPU {wall:8.1f} s wall {peak:8.0f} MB peak", flush=True)
    return found


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main(folder: Path, families: int) -> None:
    """Time every step of a folder of this size."""
    size = Size(families=families)
    if not folder.exists():
        timed("write", lambda: write_folder(folder, size))
    store = timed("read", lambda: Store.of_rows(folder))
    cells = timed("join", lambda: join(store.records, store.checkpoints, size.roles))
    print(f"{len(store.records):,} records, {len(cells):,} cells", flush=True)
    timed("fit", lambda: fit_all(cells))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
