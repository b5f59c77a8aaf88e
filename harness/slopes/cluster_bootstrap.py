"""Resampling whole runs: the interval of a mean over runs, and what ranks of tasks are uncertain by.

For ranks all cells are drawn at once: the same draw of runs serves every task (paired), as the checkpoints are the same. Sums over runs suffice for a line,
so B draws of R runs for T tasks are one product of B x R counts with R x T sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.slopes.ordinary_least_squares import Array

Positions = npt.NDArray[np.intp]


BOOTSTRAP_RUNS = 10
"""Fewer runs than this are too few to resample."""


def bootstrap_t(values: Array, level: float = 0.95, draws: int = 1999, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of R independent values, one a run (bootstrap-t: Efron 1981; Hall 1988).

    Each draw's mean is studentised by its own standard error, so that skewness moves the ends; a draw of one value alone
    has none and is drawn past.

    >>> values = np.random.default_rng(0).exponential(size=20)
    >>> low, high = bootstrap_t(values)
    >>> bool(values.mean() - low < high - values.mean())  # the long tail is above
    True
    """
    runs = values.size
    centre, stderr = float(values.mean()), float(values.std(ddof=1)) / runs**0.5
    if stderr == 0:
        return centre, centre
    counts = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), size=draws) / runs
    deviation = values - centre
    means = counts @ deviation
    spread = np.maximum(counts @ deviation**2 - means**2, 0.0)
    kept = spread > 1e-12 * stderr**2
    t = means[kept] / np.sqrt(spread[kept] / (runs - 1))
    low, high = np.quantile(t, [0.5 - level / 2, 0.5 + level / 2])
    return centre - float(high) * stderr, centre - float(low) * stderr


@dataclass(frozen=True, slots=True)
class Draws:
    """Slopes (B, T) of resampled runs, and those of the data (T,); NaN where a draw has no spread of x."""

    slopes: Array
    observed: Array


def resampled_slopes(x: Array, y: Array, run: Positions, draws: int = 2000, seed: int = 0) -> Draws:
    """Least-squares slopes over draws of runs with replacement.

    Args:
        x: (n,) upstream values.
        y: (n, T) one column a task.
        run: (n,) number of the run, from 0 without gaps.
        draws: how many.
        seed: of the draws.
    """
    runs = int(run.max()) + 1
    member = (run[:, None] == np.arange(runs)).astype(np.float64)
    x = x - x.mean()
    y = y - y.mean(axis=0)
    sums = np.stack([member.sum(axis=0), x @ member, (x * x) @ member])
    y_sums, xy_sums = member.T @ y, member.T @ (x[:, None] * y)
    counts = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), size=draws).astype(np.float64)
    counts = np.concatenate([np.ones((1, runs)), counts])
    n, s_x, s_xx = (counts @ part for part in sums)
    spread = s_xx - s_x**2 / n
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (counts @ xy_sums - (s_x / n)[:, None] * (counts @ y_sums)) / spread[:, None]
    slopes[spread <= 1e-9 * spread[0]] = np.nan
    return Draws(slopes[1:], slopes[0])


def rank_intervals(found: Draws, level: float = 0.95) -> Array:
    """Lowest and highest rank of each task over the draws, 1 for the largest slope: (T, 2).

    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(0, 1, 20)
    >>> y = x[:, None] * [1.0, 2.0, 2.01] + rng.normal(0, 0.05, (20, 3))
    >>> rank_intervals(resampled_slopes(x, y, np.arange(20))).astype(int).tolist()
    [[3, 3], [1, 2], [1, 2]]
    """
    slopes = found.slopes[np.isfinite(found.slopes).all(axis=1)]
    placed = (-slopes).argsort(axis=1).argsort(axis=1) + 1
    tail = (1 - level) / 2
    return np.stack(
        [np.quantile(placed, tail, axis=0, method="lower"), np.quantile(placed, 1 - tail, axis=0, method="higher")],
        axis=1,
    )
