"""Many cells fitted on all cores, the families of one task together; the answers are those of one core."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, pairwise

from harness.slopes.board_wide import families_compared
from harness.slopes.cell import Axis, Cell, Fit
from harness.slopes.fit import fit_cell

WORTH_A_PROCESS = 200
"""Cells: below that a process costs more than it saves."""
CHUNKS_PER_WORKER = 2
"""More of them share the work better, but lay out the grids of every family's curves anew."""

_cells: Sequence[Cell] = ()
"""What forked workers read: cells need not be sent to them."""


def fit_cells(cells: Sequence[Cell], workers: int | None = None) -> list[Fit]:
    """Fit every cell, and compare the families of each (upstream, task); in the order given.

    Args:
        cells: what to fit; neighbours of one family share the grids of their curves.
        workers: processes; without it, as many as there are cores and the number of cells is worth.
    """
    workers = workers_for(len(cells)) if workers is None else workers
    if workers < 2:
        return fitted(cells)
    global _cells
    _cells = cells
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
            parts = chunks(by_task(cells), workers * CHUNKS_PER_WORKER)
            found = {number: fit for part in pool.map(fit_part, parts) for number, fit in part}
    finally:
        _cells = ()
    return [replace(found[number], cell=cell) for number, cell in enumerate(cells)]


def fitted(cells: Sequence[Cell]) -> list[Fit]:
    """Fits of cells that share their tasks with no others; what only a comparison of families needs is let go."""
    return [replace(fit, work=None) for fit in families_compared([fit_cell(cell) for cell in cells])]


def by_task(cells: Sequence[Cell]) -> list[list[int]]:
    """Numbers of the cells of each (upstream, task)."""
    groups: dict[tuple[Axis, Axis], list[int]] = {}
    for number, cell in enumerate(cells):
        groups.setdefault((cell.upstream, cell.downstream), []).append(number)
    return list(groups.values())


def workers_for(cells: int) -> int:
    """How many processes pay; one where a fork is not safe, because of threads of Python or of torch, or not there."""
    if "fork" not in multiprocessing.get_all_start_methods() or "torch" in sys.modules or threading.active_count() > 1:
        return 1
    return min(cores(), cells // WORTH_A_PROCESS)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunks(groups: Sequence[Sequence[int]], parts: int) -> Iterator[list[int]]:
    """Whole groups in parts of about equal size, the numbers of each part in order.

    >>> list(chunks([[0, 2], [1, 3], [4]], 2))
    [[0, 2], [1, 3, 4]]
    """
    ends = [len(groups) * part // parts for part in range(parts + 1)]
    return (sorted(chain.from_iterable(groups[low:high])) for low, high in pairwise(ends) if high > low)


def fit_part(numbers: Sequence[int]) -> list[tuple[int, Fit]]:
    """The fits of some of the cells, in a worker; their points stay behind."""
    nothing = replace(_cells[0], points=())
    fits = fitted([_cells[number] for number in numbers])
    return [(number, replace(fit, cell=nothing)) for number, fit in zip(numbers, fits, strict=True)]
