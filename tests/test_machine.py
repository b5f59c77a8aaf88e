"""How a process uses its machine: freed memory is kept, and threads follow the cores."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.machine import free_memory, quota_of, set_threads, usable_cores

FAULTS = """
import resource
import numpy
from harness.machine import keep_freed_memory
kept = {setting} and keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        numpy.ones(5_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(int(kept), faults())
"""


def measured(setting: bool) -> tuple[bool, int]:
    """Whether the settings were taken, and page faults of eight buffers of 40 MB after eight like them."""
    out = subprocess.run(
        [sys.executable, "-c", FAULTS.format(setting=setting)], capture_output=True, text=True, check=True
    ).stdout.split()
    return bool(int(out[0])), int(out[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_no_page_is_cleared_twice():
    plain, (kept, faults) = measured(False)[1], measured(True)
    assert kept and 8 * faults < plain  # above 32 MB glibc by itself always maps anew


def described(folder: Path, siblings: list[str], **groups: str) -> Path:
    """A folder as the kernel's: the siblings of each processor, and files of the control group."""
    for number, text in enumerate(siblings):
        topology = folder / f"devices/system/cpu/cpu{number}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(text)
    for name, text in groups.items():
        path = folder / "fs/cgroup" / {"max": "cpu.max"}.get(name, f"cpu/cpu.cfs_{name}_us")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


HALVES = ["0-1", "0-1", "2-3", "2-3"]


@pytest.mark.parametrize(("siblings", "groups", "allowed", "cores"), [
    (HALVES, {}, range(4), 2),
    (HALVES, {}, [0, 1], 1),
    (["0", "1", "2"], {}, range(3), 3),
    (HALVES, {"max": "max 100000\n"}, range(4), 2),
    (["0", "1", "2", "3"], {"max": "250000 100000\n"}, range(4), 2),
    (["0", "1", "2", "3"], {"quota": "150000\n", "period": "100000\n"}, range(4), 1),
    (["0", "1"], {"quota": "-1\n", "period": "100000\n"}, range(2), 2),
    (["0", "1"], {"max": "20000 100000\n"}, range(2), 1),
    ([], {}, range(5), 5),
])  # fmt: skip
def test_cores_are_counted_once_and_no_more_than_the_quota(tmp_path, siblings, groups, allowed, cores):
    assert usable_cores(described(tmp_path, siblings, **groups), allowed) == cores


def test_a_quota_that_cannot_be_read_is_none(tmp_path):
    assert quota_of(described(tmp_path, [], max="nonsense") / "fs/cgroup") is None


def test_threads_follow_the_cores_unless_the_user_says(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr("harness.machine.usable_cores", lambda: 1)
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", str(before))
        assert set_threads() == before
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert set_threads() == 1 == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


GIB = 2**30


@pytest.mark.parametrize(("groups", "free"), [
    ({}, 40 * GIB),
    ({"memory.max": "max\n"}, 40 * GIB),
    ({"memory.max": f"{8 * GIB}\n", "memory.current": f"{6 * GIB}\n"}, 2 * GIB),
    ({"memory.max": f"{8 * GIB}\n", "memory.current": f"{7 * GIB}\n", "memory.stat": f"anon 1\ninactive_file {5 * GIB}\n"},
     6 * GIB),
    ({"memory/memory.limit_in_bytes": f"{8 * GIB}\n", "memory/memory.usage_in_bytes": f"{8 * GIB}\n",
      "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {3 * GIB}\n"}, 3 * GIB),
])  # fmt: skip
def test_pages_of_files_that_the_kernel_can_drop_are_free(tmp_path, groups, free):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 64000000 kB\nMemAvailable: {40 * GIB // 1024} kB\n")
    for name, text in groups.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert free_memory("cpu", tmp_path) == free
