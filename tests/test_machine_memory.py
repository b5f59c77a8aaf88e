"""Freed memory is kept: the second buffer of a size faults no page."""

import platform
import subprocess
import sys

import pytest

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
