"""The machine a number was measured on: library versions, memory and device."""

from __future__ import annotations

import ctypes
import platform
import re
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
