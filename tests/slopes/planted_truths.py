"""How often planted truths are found by the fit of a whole board, and how often something is found that is not there.

``python tests/slopes/planted_truths.py 1000`` prints the table; the test asks for fewer draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from harness.slopes.arrays import fit_points
from harness.slopes.board_wide import compared
from harness.slopes.cell import Fit

LOW, HIGH, POINTS, NOISE = 2.0, 3.5, 16, 0.01
Truth = Callable[[np.ndarray], np.ndarray]


def line(slope: float) -> Truth:
    """Accuracy .85 at the best loss, changing by so much a nat."""
    return lambda x: 0.85 + slope * (x - LOW)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Two plateaus."""
    return 0.3 + 0.55 / (1 + np.exp(6 * (x - 2.7)))


def broken(x: np.ndarray) -> np.ndarray:
    """A line that breaks at 2.8."""
    return 0.85 - 0.35 * (x - LOW) + 0.33 * np.maximum(x - 2.8, 0)


def family(truth: Truth, rng: np.random.Generator, name: str = "f", *, low: float = LOW, scatter: float = NOISE) -> Fit:
    """A family's fit; its window may begin elsewhere, and its scatter be less than the metric's stated error."""
    x = np.linspace(low, low + HIGH - LOW, POINTS)
    y = truth(x) + rng.normal(0, scatter, POINTS)
    return fit_points(x, y, y_stderr=NOISE, chance=0.1, best=1.0, family=name)


def board(slopes: Sequence[float], rng: np.random.Generator) -> Fit:
    """One fit of a board of as many families, levels of their own, lines of these slopes."""
    fits = [
        family(lambda x, b=b, a=a: 0.6 + a + b * (x - LOW), rng, f"f{i}")
        for i, (b, a) in enumerate(zip(slopes, rng.uniform(-0.1, 0.1, len(slopes)), strict=True))
    ]
    return compared(fits)[0]


def flags(fit: Fit) -> set[str]:
    """Its codes."""
    return {flag.code for flag in fit.flags}


def holds_break(fit: Fit) -> bool:
    """A significant break whose interval holds 2.8."""
    return fit.broken is not None and fit.broken.p < 0.05 and fit.broken.low <= 2.8 <= fit.broken.high


def differ(fit: Fit) -> bool:
    """The families' slopes are called different."""
    return fit.comparison is not None and fit.comparison.equal_slopes.p < 0.05


ASKED: dict[str, Callable[[np.random.Generator], bool]] = {
    "a broken line: a break is found, its interval holds the place": lambda rng: holds_break(family(broken, rng)),
    "a straight line: a break is flagged": lambda rng: "BREAK" in flags(family(line(-0.2), rng)),
    "a sigmoid: a sigmoid is picked": lambda rng: family(sigmoid, rng).model == "sigmoid",
    "a sigmoid: a break is flagged": lambda rng: "BREAK" in flags(family(sigmoid, rng)),
    "a slope of -.8 points a 0.1 nat: called negative": lambda rng: compared([family(line(0.08), rng)])[0].verdict == "negative",
    "no slope: called positive or negative": lambda rng: compared([family(line(0.0), rng)])[0].verdict in ("positive", "negative"),
    "no slope, a scatter of a third of the metric's error: called flat": lambda rng: compared(
        [family(line(0.0), rng, scatter=NOISE / 3)]
    )[0].verdict
    == "flat",
    "four families of equal slopes: called different": lambda rng: differ(board([-0.2] * 4, rng)),
    "two groups of slopes, 1.7 and 2.3 points, three families each: called different": lambda rng: differ(
        board([-0.17] * 3 + [-0.23] * 3, rng)
    ),
    "one sigmoid seen over two windows: called different": lambda rng: differ(
        compared([family(sigmoid, rng, "a"), family(sigmoid, rng, "b", low=2.3)])[0]
    ),
}  # fmt: skip


def rate(asked: Callable[[np.random.Generator], bool], draws: int, seed: int = 0) -> float:
    """How often the answer is yes."""
    rng = np.random.default_rng(seed)
    return sum(asked(rng) for _ in range(draws)) / draws


def main(draws: int) -> None:
    """Print a line of the table for each truth."""
    print("| planted, and what is asked | rate |")
    print("|---|---|")
    for name, asked in ASKED.items():
        print(f"| {name} | {rate(asked, draws):.3f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
