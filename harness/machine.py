"""The machine a number was measured on: library versions, memory and device."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import re
from collections.abc import Collection
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.errors import HarnessError, nearest

LIBRARIES = ("torch", "transformers", "datasets", "tokenizers", "numpy", "scipy", "scikit-learn")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of what could move a number."""
    from harness import __version__

    found = {"harness": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory for the next tensor, instead of handing it back page by page.

    A training step frees and asks for the same buffers over and over; each time glibc maps them anew and the kernel clears
    every page. For the process that measures only (the commands ``run`` and ``make``): it holds on to its peak.

    Returns:
        Whether the C library took the settings (glibc does; macOS and musl have no ``mallopt``).
    """
    map_maximum, trim_threshold, top_pad = -4, -1, -2
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    wanted = {map_maximum: 0, trim_threshold: 2**31 - 1, top_pad: 64 * 2**20}
    return all(mallopt(name, value) == 1 for name, value in wanted.items())


def usable_cores(system: Path = Path("/sys"), allowed: Collection[int] | None = None) -> int:
    """Cores that one process may keep busy: each physical one once, no more than it may run on, nor than its quota.

    Libraries count the machine's: in a container of 2 cores on a machine of 64 they start 64 threads, and two threads on one
    core's two halves are slower at matrix products than one.

    Args:
        system: where the kernel describes the machine.
        allowed: numbers of the processors that may be used; None asks the system.
    """
    if allowed is None:
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    places = [system / f"devices/system/cpu/cpu{number}/topology/thread_siblings_list" for number in allowed]
    physical = len({path.read_text() for path in places}) if all(path.is_file() for path in places) else len(allowed)
    quota = quota_of(system / "fs/cgroup")
    return max(1, physical if quota is None else min(physical, math.floor(quota)))


def quota_of(group: Path) -> float | None:
    """Processor seconds a second that a control group (of version 2 or 1) grants; None where there is no bound."""
    try:
        if (group / "cpu.max").is_file():
            granted, period = (group / "cpu.max").read_text().split()
        else:
            granted, period = ((group / f"cpu/cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return float(granted) / float(period) if granted not in ("max", "-1") else None
    except (OSError, ValueError):
        return None


def set_threads() -> int:
    """One thread for each usable core, where ``OMP_NUM_THREADS`` does not say otherwise; returns how many there are."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ and usable_cores() < torch.get_num_threads():
        torch.set_num_threads(usable_cores())
    return int(torch.get_num_threads())


def reset_high_water(device: str) -> None:
    """Begin to watch peak memory anew, where the system can."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats()
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def high_water(device: str) -> int | None:
    """Peak memory since, in bytes: of the device, or of the process; None where the system does not tell."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def free_memory(device: str, system: Path = Path("/")) -> int | None:
    """Bytes that a measurement may still take: of the device, or of the system and the control group; None if unknown."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    found = []
    try:
        for line in (system / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    except OSError:
        pass
    group = system / "sys/fs/cgroup"
    for names in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        found += free_in_group(group, *names)
    return max(0, min(found)) if found else None


def free_in_group(group: Path, most: str, used: str, stat: str, droppable: str) -> list[int]:
    """Bytes below a control group's limit; none where it has no limit.

    Pages of files that nobody reads any more count as used, and are dropped by the kernel as soon as memory is wanted.
    """
    try:
        free = int((group / most).read_text()) - int((group / used).read_text())
    except (OSError, ValueError):  # no such group, or no limit
        return []
    try:
        pages = dict(line.split() for line in (group / stat).read_text().splitlines())
        return [free + int(pages.get(droppable, 0))]
    except (OSError, ValueError):
        return [free]


def check_device(device: str, dtype: str) -> None:
    """Refuse a device or dtype that is not there.

    Raises:
        HarnessError: the device is unknown or absent, or the dtype is unknown.
    """
    if dtype not in ("float32", "bfloat16", "float16"):
        raise HarnessError(f"--dtype {dtype}: {nearest(dtype, ('float32', 'bfloat16', 'float16'))}")
    if device == "cpu":
        return
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise HarnessError(f"--device {device}: valid: cpu, cuda, cuda:N")
    import torch

    if not torch.cuda.is_available():
        raise HarnessError(f"--device {device}: this machine has no CUDA device; use --device cpu")
