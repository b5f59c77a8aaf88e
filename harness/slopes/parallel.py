"""Many cells fitted on all cores; the answers are those of one core, cell by cell."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, pairwise

from harness.slopes.cell import Cell, Fit
from harness.slopes.fit import fit_cell

WORTH_A_PROCESS = 200
"""Cells: below that a process costs more than it saves."""
CHUNKS_PER_WORKER = 4

_cells: Sequence[Cell] = ()
"""What forked workers read: cells need not be sent to them."""


def fit_cells(cells: Sequence[Cell], workers: int | None = None) -> list[Fit]:
    """Fit every cell by itself, in the order given.

    Args:
        cells: what to fit; neighbours of one family share the grids of their curves.
        workers: processes; without it, as many as there are cores and the number of cells is worth.
    """
    workers = workers_for(len(cells)) if workers is None else workers
    if workers < 2:
        return [fit_cell(cell) for cell in cells]
    global _cells
    _cells = cells
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
            parts = list(pool.map(fit_part, chunks(len(cells), workers * CHUNKS_PER_WORKER)))
    finally:
        _cells = ()
    return [replace(fit, cell=cell) for fit, cell in zip(chain.from_iterable(parts), cells, strict=True)]


def workers_for(cells: int) -> int:
    """How many processes pay; one where a fork is not safe, because of threads of Python or of torch, or not there."""
    if "fork" not in multiprocessing.get_all_start_methods() or "torch" in sys.modules or threading.active_count() > 1:
        return 1
    return min(cores(), cells // WORTH_A_PROCESS)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunks(count: int, parts: int) -> Iterator[range]:
    """The numbers below ``count`` in runs of about equal length.

    >>> list(chunks(5, 2))
    [range(0, 2), range(2, 5)]
    """
    ends = [count * part // parts for part in range(parts + 1)]
    return (range(low, high) for low, high in pairwise(ends) if high > low)


def fit_part(numbers: range) -> list[Fit]:
    """The fits of some of the cells, in a worker; their cells stay behind."""
    nothing = replace(_cells[0], points=())
    return [replace(fit_cell(_cells[number]), cell=nothing) for number in numbers]
