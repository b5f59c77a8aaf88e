"""How often the flatness battery finds flatness that says nothing, and how often it finds one that does.

Two traps: a loss that is measured with noise, and a metric and a flatness that both bend with the loss. The whole of it
is drawn: choice of curve, controls, permutations. ``python tests/slopes/flatness_errors.py 2000`` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.fit import fit_cell
from harness.slopes.flatness.battery import FlatnessAnswer, battery

UPSTREAM = Axis("loss", "nats_per_token", "nats per token", False)
DOWNSTREAM = Axis("task", "accuracy", "fraction", True)
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, float]
"""True loss, metric, logarithm of flatness, and the metric's standard error."""


def straight(rng: np.random.Generator, n: int, partial: float) -> Drawn:
    """A metric that falls with the loss, R2 .95; flatness correlates .7 with the true loss."""
    z, own, error = rng.normal(size=(3, n))
    noise = 0.1 * np.sqrt(0.05 / 0.95)
    metric = 0.6 - 0.1 * z + noise * (np.sqrt(1 - partial**2) * error - partial * own)
    return 3 + 0.3 * z, metric, 0.7 * z + np.sqrt(0.51) * own, noise


def bent(rng: np.random.Generator, n: int, partial: float) -> Drawn:
    """A metric that is a sigmoid of the loss; flatness grows with the square of the loss."""
    loss = np.sort(rng.uniform(2, 3.5, n))
    own, error = rng.normal(size=(2, n))
    metric = 0.3 + 0.55 / (1 + np.exp(6 * (loss - 2.7)))
    metric = metric + 0.01 * (np.sqrt(1 - partial**2) * error - partial * own)
    return loss, metric, 1.5 * (loss - 2.2) ** 2 + 0.3 * own, 0.01


@dataclass(frozen=True)
class Row:
    """One row of the table; ``partial`` is the true partial correlation of flatness with the metric at given loss."""

    trap: str
    n: int
    reliability: float
    partial: float = 0.0

    @property
    def truth(self) -> Callable[[np.random.Generator, int, float], Drawn]:
        """Where its values come from."""
        return straight if self.trap == "noisy loss" else bent


def table() -> list[Row]:
    """Errors of the first kind where the loss is good enough, where it is not, and power."""
    sizes, traps = (15, 30, 60), ("noisy loss", "curvature")
    found = [Row(trap, n, good) for trap in traps for n in sizes for good in (1.0, 0.999, 0.99)]
    found += [Row("noisy loss", n, short) for n in sizes for short in (0.95, 0.9)] + [Row("noisy loss", 60, 0.8)]
    return found + [Row(trap, n, good, 0.7) for trap in traps for n in (12, 15, 30) for good in (1.0, 0.99)]


def asked(row: Row, rng: np.random.Generator) -> FlatnessAnswer | None:
    """One draw, through the whole battery; None where the fit was refused."""
    loss, metric, flatness, noise = row.truth(rng, row.n, row.partial)
    error = float(np.std(loss, ddof=1)) * np.sqrt(1 / row.reliability - 1)
    seen = loss + rng.normal(0, error, row.n)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b), error, noise)
        for i, (a, b) in enumerate(zip(seen, metric, strict=True))
    )
    fit = fit_cell(Cell("family", UPSTREAM, DOWNSTREAM, points))
    return battery([fit], {str(i): float(np.exp(value)) for i, value in enumerate(flatness)}, "trace")


def rates(row: Row, draws: int, seed: int = 0) -> tuple[float, float, int]:
    """Share of p < .05 by the test that counts and by the one that takes the loss for exact, and how many draws were answered."""
    rng = np.random.default_rng(seed)
    found = [answer for answer in (asked(row, rng) for _ in range(draws)) if answer is not None]
    if not found:
        return float("nan"), float("nan"), 0
    counts = float(np.mean([answer.decisive.p < 0.05 for answer in found]))
    return counts, float(np.mean([answer.partial.p < 0.05 for answer in found])), len(found)


def main(draws: int) -> None:
    """Print a line of the table for every row."""
    print(
        "| trap | n | reliability of the loss | true partial r | found | found, the loss taken for exact | answered |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in table():
        found, naive, answered = rates(row, draws)
        print(
            f"| {row.trap} | {row.n} | {row.reliability} | {row.partial} | {found:.3f} | {naive:.3f} | {answered} |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
