"""Checkpoints of one training run are not independent of one another: the run is the unit of evidence.

Which interval a set of checkpoints can carry follows from how many runs there are and how each was sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.slopes.cluster_bootstrap import BOOTSTRAP_RUNS, Positions, bootstrap_t
from harness.slopes.ordinary_least_squares import Array, line_through, t_quantile

Design = Literal["one checkpoint per run", "per-run slopes", "one mean per run", "trajectory"]

LEAST_RUNS = 3
LEAST_LEVELS = 4
LEAST_SHARE = 0.1
"""A run has a slope of its own when its checkpoints span at least this share of the whole window."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The points of one cell as columns: x and y are (n,) floats, ``run`` and ``name`` one label per point."""

    x: Array
    y: Array
    run: tuple[str, ...]
    name: tuple[str, ...]

    def by_run(self) -> dict[str, Positions]:
        """Run to the positions of its points, runs in the order they are first seen."""
        positions: dict[str, list[int]] = {}
        for position, run in enumerate(self.run):
            positions.setdefault(run, []).append(position)
        return {run: np.array(where) for run, where in positions.items()}

    def run_means(self) -> Sample:
        """One point per run: the means of its checkpoints, which lie on the same straight line as they do."""
        runs = self.by_run()
        x = np.array([self.x[where].mean() for where in runs.values()])
        y = np.array([self.y[where].mean() for where in runs.values()])
        return Sample(x, y, tuple(runs), tuple(f"mean of run {run}" for run in runs))


def design(sample: Sample, tolerance: float) -> Design:
    """Which of four ways the points were sampled, and so which interval holds.

    - every run is one checkpoint: the points are independent;
    - three runs or more, at least half of all, each span a tenth of the window: their slopes are independent;
    - otherwise, runs enough whose means stand at four levels or more: the means are independent;
    - otherwise a trajectory: too few runs to know how runs differ, so any interval is conditional on these runs.
    """
    runs = sample.by_run()
    if len(runs) == len(sample.run):
        return "one checkpoint per run"
    sloped = len(runs_with_slope(sample))
    if sloped >= LEAST_RUNS and 2 * sloped >= len(runs):
        return "per-run slopes"
    if len(runs) >= LEAST_LEVELS and count_levels(sample.run_means().x, tolerance) >= LEAST_LEVELS:
        return "one mean per run"
    return "trajectory"


def runs_with_slope(sample: Sample) -> list[Positions]:
    """The points of each run that spans a tenth of the window or more."""
    least = LEAST_SHARE * np.ptp(sample.x)
    return [where for where in sample.by_run().values() if len(where) > 1 and np.ptp(sample.x[where]) >= least > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSlope:
    """The mean of the runs' own least-squares lines, and an interval of its slope; ``slopes`` are the runs' own.

    Each was divided by ``reliability``, the share of the spread of x within runs that is real.
    """

    runs: int
    slope: float
    intercept: float
    stderr: float
    slopes: tuple[float, ...]
    reliability: float = 1.0

    @property
    def method(self) -> str:
        """How ``interval`` is computed."""
        how = f"bootstrap-t over {self.runs}" if self.runs >= BOOTSTRAP_RUNS else f"t({self.runs - 1}) of {self.runs}"
        over = f", each over the reliability {self.reliability:.3f}" if self.reliability < 1 else ""
        return f"{how} runs{over}"

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """From ten runs on the bootstrap-t over runs; below, slope -+ t(R-1) standard errors."""
        if self.runs >= BOOTSTRAP_RUNS:
            return bootstrap_t(np.array(self.slopes), level)
        half_width = t_quantile(0.5 + level / 2, self.runs - 1) * self.stderr
        return self.slope - half_width, self.slope + half_width


def mean_of_run_slopes(sample: Sample, reliability: float = 1.0) -> MeanSlope:
    """Fit each run by itself and average: what serial errors within a run do to its slope shows between the runs.

    With b_r the slope of run r of R, over ``reliability`` where x is noisy: b = mean(b_r), and its standard error is sd(b_r)/sqrt(R).

    >>> x = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    >>> fit = mean_of_run_slopes(Sample(x, np.array([0.0, 1, 0, 2, 0, 3]), tuple("aabbcc"), tuple("123456")))
    >>> fit.slope, round(fit.stderr, 4)
    (2.0, 0.5774)
    """
    runs = runs_with_slope(sample)
    lines = np.array([line_through(sample.x[where], sample.y[where]) for where in runs])
    if reliability < 1:
        slopes = lines[:, 0] / reliability
        levels = [sample.y[where].mean() - b * sample.x[where].mean() for where, b in zip(runs, slopes, strict=True)]
        lines = np.column_stack([slopes, levels])
    slope, intercept = lines.mean(axis=0)
    stderr = lines[:, 0].std(ddof=1) / np.sqrt(len(lines))
    return MeanSlope(
        runs=len(lines), slope=float(slope), intercept=float(intercept), stderr=float(stderr),
        slopes=tuple(float(value) for value in lines[:, 0]), reliability=reliability,
    )  # fmt: skip


def leave_one_run_out_q2(sample: Sample) -> float | None:
    """1 - PRESS/SST: each run predicted by the least-squares line through all others, SST about the mean of all.

    None when without some run no line is left. With one checkpoint per run this is the usual leave-one-out Q2.

    >>> x, y = np.array([0.0, 1, 2, 3]), np.array([1.0, 3, 5, 8])
    >>> round(leave_one_run_out_q2(Sample(x, y, tuple("abcd"), tuple("abcd"))), 4)
    0.933
    """
    press = 0.0
    for where in sample.by_run().values():
        rest = np.ones(sample.x.size, dtype=bool)
        rest[where] = False
        if rest.sum() < 2 or np.ptp(sample.x[rest]) <= 1e-12 * np.abs(sample.x).max():
            return None
        slope, intercept = line_through(sample.x[rest], sample.y[rest])
        press += float(np.sum((sample.y[where] - intercept - slope * sample.x[where]) ** 2))
    return 1 - press / float(np.sum((sample.y - sample.y.mean()) ** 2))


def level_tolerance(x: Array, noise: float) -> float:
    """Two x nearer than this are one level: the measurement noise of x, or a thousandth of the window if larger."""
    return max(noise, float(np.ptp(x)) / 1000)


def count_levels(x: Sequence[float] | Array, tolerance: float) -> int:
    """How many values of x are distinct: counted upwards, a level begins beyond ``tolerance`` from the last's start.

    >>> count_levels([2.0, 2.0004, 2.5, 3.0], tolerance=0.001)
    3
    """
    levels, start = 0, -np.inf
    for value in sorted(x):
        if value - start > tolerance:
            levels, start = levels + 1, value
    return levels


def level_numbers(x: Array, tolerance: float) -> npt.NDArray[np.intp]:
    """Which level each x stands at, from 0 upwards; see ``count_levels``.

    >>> level_numbers(np.array([3.0, 2.0, 2.0004, 2.5]), tolerance=0.001).tolist()
    [2, 0, 0, 1]
    """
    numbers = np.empty(x.size, dtype=np.intp)
    level, start = -1, -np.inf
    for position in np.argsort(x, kind="stable"):
        if x[position] - start > tolerance:
            level, start = level + 1, x[position]
        numbers[position] = level
    return numbers
