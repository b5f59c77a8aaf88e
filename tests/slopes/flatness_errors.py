"""How often the flatness battery finds flatness that says nothing, and how often it finds one that does.

Two traps: a loss that is measured with noise, and a metric and a flatness that both bend with the loss. The whole of it
is drawn: choice of curve, controls, permutations. ``python tests/slopes/flatness_errors.py 2000`` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.fit import fit_cell
from harness.slopes.flatness.battery import FlatnessAnswer, battery
from harness.slopes.flatness.calibration import calibrated_loss
from harness.slopes.flatness.freedman_lane import directions

UPSTREAM = Axis("loss", "nats_per_token", "nats per token", False)
DOWNSTREAM = Axis("task", "accuracy", "fraction", True)


@dataclass(frozen=True)
class Drawn:
    """One draw: true loss, metric, logarithm of flatness, the metric's standard error, and the curve as one who knows it has it.

    ``tangent`` (n, p) is what the curve can do by its parameters, ``steep`` (n,) its slope, both at a loss that is asked.
    """

    loss: np.ndarray
    metric: np.ndarray
    flatness: np.ndarray
    noise: float
    tangent: Callable[[np.ndarray], np.ndarray]
    steep: Callable[[np.ndarray], np.ndarray]


def own_share(partial: float, noise: float, hidden: float) -> float:
    """By how much flatness moves the metric for a partial correlation, beside an error and what noise of the loss hides."""
    return partial * float(np.sqrt(noise**2 + hidden / (1 - partial**2)))


def straight(rng: np.random.Generator, row: Row) -> Drawn:
    """A metric that falls with the loss, R2 .95; flatness correlates .7 with the true loss."""
    z, own, error = rng.normal(size=(3, row.n))
    noise = 0.1 * np.sqrt(0.05 / 0.95)
    hidden = (0.1**2) * (1 / row.reliability - 1) if row.seen else 0.0
    share = own_share(row.partial, noise, hidden)
    metric = 0.6 - 0.1 * z + noise * np.sqrt(1 - row.partial**2) * error - share * own
    return Drawn(
        3 + 0.3 * z, metric, 0.7 * z + np.sqrt(0.51) * own, noise,
        lambda x: np.column_stack([np.ones_like(x), x]), lambda x: np.full_like(x, -1 / 3),
    )  # fmt: skip


def bent(rng: np.random.Generator, row: Row) -> Drawn:
    """A metric that is a sigmoid of the loss; flatness grows with the square of the loss."""
    loss = np.sort(rng.uniform(2, 3.5, row.n))
    own, error = rng.normal(size=(2, row.n))
    hidden = float(np.mean(sigmoid_slope(loss) ** 2)) * np.var(loss) * (1 / row.reliability - 1) if row.seen else 0.0
    share = own_share(row.partial, 0.01, hidden)
    metric = 0.3 + 0.55 / (1 + np.exp(6 * (loss - 2.7)))
    metric = metric + 0.01 * np.sqrt(1 - row.partial**2) * error - share * own
    return Drawn(loss, metric, 1.5 * (loss - 2.2) ** 2 + 0.3 * own, 0.01, sigmoid_tangent, sigmoid_slope)


def sigmoid_tangent(x: np.ndarray) -> np.ndarray:
    """Derivatives by level, height, middle and rate, each up to a factor."""
    part = 1 / (1 + np.exp(6 * (x - 2.7)))
    return np.column_stack([np.ones_like(x), part, part * (1 - part), part * (1 - part) * (x - 2.7)])


def sigmoid_slope(x: np.ndarray) -> np.ndarray:
    """Derivative by the loss."""
    part = 1 / (1 + np.exp(6 * (x - 2.7)))
    return np.asarray(-0.55 * 6 * part * (1 - part))


@dataclass(frozen=True)
class Row:
    """One row of the table.

    ``partial`` is the true partial correlation of flatness with the metric at given loss: at the true one, or where
    ``seen`` at the loss as it was measured.
    """

    trap: str
    n: int
    reliability: float
    partial: float = 0.0
    seen: bool = False

    @property
    def truth(self) -> Callable[[np.random.Generator, Row], Drawn]:
        """Where its values come from."""
        return straight if self.trap == "noisy loss" else bent


def table() -> list[Row]:
    """Errors of the first kind where the loss is good enough, where it is not, and power."""
    sizes, traps = (15, 30, 60), ("noisy loss", "curvature")
    found = [Row(trap, n, good) for trap in traps for n in sizes for good in (1.0, 0.999, 0.99)]
    found += [Row("noisy loss", n, short) for n in sizes for short in (0.95, 0.9)] + [Row("noisy loss", 60, 0.8)]
    found += [Row(trap, n, good, 0.7) for trap in traps for n in (12, 15, 30) for good in (1.0, 0.999, 0.99)]
    return found + [Row(trap, 15, good, 0.7, seen=True) for trap in traps for good in (0.999, 0.99)]


@dataclass(frozen=True)
class Asked:
    """The battery's answer to one draw, and the p of one who knows the curve's form and the size of every error."""

    answer: FlatnessAnswer | None
    informed: float


def asked(row: Row, rng: np.random.Generator) -> Asked:
    """One draw, through the whole battery; its answer is None where the fit was refused."""
    drawn = row.truth(rng, row)
    error = float(np.std(drawn.loss, ddof=1)) * np.sqrt(1 / row.reliability - 1)
    seen = drawn.loss + rng.normal(0, error, row.n)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b), error, drawn.noise)
        for i, (a, b) in enumerate(zip(seen, drawn.metric, strict=True))
    )
    fit = fit_cell(Cell("family", UPSTREAM, DOWNSTREAM, points))
    found = battery([fit], {str(i): float(np.exp(value)) for i, value in enumerate(drawn.flatness)}, "trace")
    return Asked(found, informed(drawn, seen, error))


def informed(drawn: Drawn, seen: np.ndarray, error: float) -> float:
    """P of the t test, weighted by what is known of each value, with the tangent of the true curve held fixed."""
    real = calibrated_loss(seen, np.full(seen.size, error), drawn.flatness, ["family"] * seen.size)
    scale = np.sqrt(drawn.noise**2 + drawn.steep(real.loss) ** 2 * real.variance)
    basis = directions(drawn.tangent(real.loss) / scale[:, None])
    y, x = drawn.metric / scale, drawn.flatness / scale
    y, x = y - basis @ (basis.T @ y), x - basis @ (basis.T @ x)
    r, freedom = float(y @ x / np.sqrt((y @ y) * (x @ x))), seen.size - basis.shape[1] - 1
    return float(2 * stdtr(freedom, -abs(r) * np.sqrt(freedom / (1 - r**2))))


def rates(row: Row, draws: int, seed: int = 0) -> tuple[float, float, float, int]:
    """Share of p < .05 by the test that counts, by the one that takes the loss for exact, by one who knows; how many answered."""
    rng = np.random.default_rng(seed)
    found = [one for one in (asked(row, rng) for _ in range(draws)) if one.answer is not None]
    if not found:
        return float("nan"), float("nan"), float("nan"), 0
    ways = [(one.answer.decisive.p, one.answer.partial.p, one.informed) for one in found]
    counts, naive, best = (float(share) for share in np.mean(np.array(ways) < 0.05, axis=0))
    return counts, naive, best, len(found)


def main(draws: int) -> None:
    """Print a line of the table for every row."""
    print(
        "| trap | n | reliability of the loss | true partial r | found | found, the loss taken for exact | found, the curve known | answered |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in table():
        found, naive, best, answered = rates(row, draws)
        partial = f"{row.partial}{' at the measured loss' if row.seen else ''}"
        print(
            f"| {row.trap} | {row.n} | {row.reliability} | {partial} | {found:.3f} | {naive:.3f} | {best:.3f} | {answered} |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
