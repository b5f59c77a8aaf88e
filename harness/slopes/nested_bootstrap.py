"""How far a slope would move with other runs, other seeds, other test examples: resampling at each level.

Runs > seeds > examples, the same examples drawn for all checkpoints, since all were scored on them (after MultiBERTs'
multibootstrap, Sellam et al. 2021, arXiv 2106.16163). Drawn clusters, not single examples, where examples hang together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array

Positions = npt.NDArray[np.intp]
LEVELS = ("runs", "seeds", "examples")
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class NestedDraws:
    """Slopes (B,) over draws of the levels named; NaN where a draw of runs has no spread of x."""

    slopes: Array
    observed: float

    @property
    def stderr(self) -> float:
        """Standard deviation over the draws."""
        return float(np.nanstd(self.slopes, ddof=1))


def nested_bootstrap(
    x: Array, outcome: Array, weight: Array, run: Positions, levels: tuple[str, ...] = LEVELS, draws: int = 500, seed: int = 0
) -> NestedDraws:  # fmt: skip
    """Least-squares slope of a metric over draws; the metric of one checkpoint and seed is sum(outcome) / sum(weight).

    Args:
        x: (n,) upstream values.
        outcome: (n, S, E) sum of outcomes of each of E clusters of examples; NaN where a checkpoint has fewer seeds.
        weight: (n, S, E) their weights, such as one an example or the tokens of a document.
        run: (n,) number of the run, from 0 without gaps.
        levels: which are drawn; the others stay as they are.
        draws: how many.
        seed: of the draws.

    Raises:
        HarnessError: an unknown level, or a checkpoint without any seed.

    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(2, 3, 8)
    >>> hits = (rng.random((8, 1, 400)) < (0.9 - 0.2 * (x - 2))[:, None, None]).astype(float)
    >>> found = nested_bootstrap(x, hits, np.ones_like(hits), np.arange(8), ("examples",))
    >>> 0.02 < found.stderr < 0.08
    True
    """
    unknown = set(levels) - set(LEVELS)
    if unknown:
        raise HarnessError(f"unknown levels {sorted(unknown)}; valid: {', '.join(LEVELS)}")
    n, seeds, clusters = outcome.shape
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(outcome).all(axis=2))
    if not there.any(axis=1).all():
        raise HarnessError("a checkpoint has no seed whose outcomes are all known")
    outcome, weight = np.where(there[..., None], outcome, 0.0), np.where(there[..., None], weight, 0.0)
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, draws, AT_ONCE):
        size = min(AT_ONCE, draws - start)
        counts = (
            generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=size).astype(np.float64)
            if "examples" in levels
            else np.ones((size, clusters))
        )
        metric = metrics(outcome, weight, counts)
        seed_counts = (
            drawn_seeds(there, size, generator) if "seeds" in levels else np.broadcast_to(there, (size, n, seeds))
        )
        y = np.sum(np.where(seed_counts > 0, metric, 0.0) * seed_counts, axis=2) / seed_counts.sum(axis=2)
        found.append(slopes(x, y, drawn_runs(run, size, generator) if "runs" in levels else np.ones((size, n))))
    plain = metrics(outcome, weight, np.ones((1, clusters)))
    y = np.sum(np.where(there, plain, 0.0), axis=2) / there.sum(axis=1)
    return NestedDraws(np.concatenate(found), float(slopes(x, y, np.ones((1, n)))[0]))


def metrics(outcome: Array, weight: Array, counts: Array) -> Array:
    """The metric of every checkpoint and seed under draws of clusters: (B, n, S)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.moveaxis((outcome @ counts.T) / (weight @ counts.T), -1, 0)


def drawn_seeds(there: npt.NDArray[np.bool_], draws: int, generator: np.random.Generator) -> Array:
    """How often each seed of each checkpoint is drawn, out of those there are: (B, n, S)."""
    share = there / there.sum(axis=1, keepdims=True)
    return generator.multinomial(there.sum(axis=1), share, size=(draws, there.shape[0])).astype(np.float64)


def drawn_runs(run: Positions, draws: int, generator: np.random.Generator) -> Array:
    """How often the run of each checkpoint is drawn: (B, n)."""
    runs = int(run.max()) + 1
    return generator.multinomial(runs, np.full(runs, 1 / runs), size=draws)[:, run].astype(np.float64)


def slopes(x: Array, y: Array, weight: Array) -> Array:
    """Weighted least-squares slopes of y (B, n) on x (n,), weights (B, n): (B,)."""
    total = weight.sum(axis=1)
    centred = x - (weight @ x / total)[:, None]
    spread = np.sum(weight * centred**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sum(weight * centred * y, axis=1) / spread
    return np.where(spread > 1e-9 * float(np.sum((x - x.mean()) ** 2)), found, np.nan)
