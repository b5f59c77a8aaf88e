"""How often the printed interval of a whole fit holds the true average slope: choice of curve, refusal and all.

``python tests/slopes/whole_fit_coverage.py 1000`` prints the table, with ``"12 runs x 8 broken"`` behind it the rows whose
name holds that; the slow test asks for fewer draws.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.fit import fit_cell

UPSTREAM = Axis("loss", "nats_per_token", "nats per token", False)
DOWNSTREAM = Axis("task", "accuracy", "fraction", True, chance=0.25, best=1.0)
LOW, HIGH = 2.0, 3.5

TRUTHS: dict[str, Callable] = {
    "linear": lambda x: 0.9 - 0.2 * (x - 2),
    "logit": lambda x: 0.25 + 0.75 / (1 + np.exp(2.5 * (x - 2.6))),
    "sigmoid": lambda x: 0.3 + 0.55 / (1 + np.exp(6 * (x - 2.7))),
    "broken": lambda x: 0.85 - 0.35 * (x - 2) + 0.33 * np.maximum(x - 2.8, 0),
}


@dataclass(frozen=True)
class Design:
    """Where checkpoints stand and how noisy they are."""

    name: str
    x: np.ndarray
    run: np.ndarray
    grows: bool = False
    serial: float = 0.0
    between: float = 0.0
    noise: float = 0.01


def designs() -> list[Design]:
    """One checkpoint a run: even, with one far point, with growing noise; several a run: 1, 2, 4 and 12 runs."""
    found = []
    for n in (6, 12, 24):
        even = np.linspace(LOW, HIGH, n)
        found.append(Design(f"even {n}", even, np.arange(n)))
        found.append(Design(f"growing {n}", even, np.arange(n), grows=True))
    found.append(Design("far point 12", np.append(np.linspace(LOW, 2.4, 11), HIGH), np.arange(12)))
    for runs in (1, 2, 4, 12):
        x = np.tile(np.linspace(HIGH, LOW, 8), runs)
        found.append(Design(f"{runs} runs x 8", x, np.repeat(np.arange(runs), 8), serial=0.6, between=0.004))
    found.append(Design("repeated x", np.repeat(np.linspace(LOW, HIGH, 6), 2), np.arange(12)))
    return found


def draw(design: Design, truth: Callable, rng: np.random.Generator) -> np.ndarray:
    """Values about the truth: errors within runs are correlated, runs have levels of their own."""
    error = rng.normal(size=design.x.size)
    if design.serial:
        for i in range(1, error.size):
            if design.run[i] == design.run[i - 1]:
                error[i] = design.serial * error[i - 1] + np.sqrt(1 - design.serial**2) * error[i]
    share = (design.x - LOW) / (HIGH - LOW)
    level = rng.normal(0, design.between, design.run.max() + 1)[design.run] if design.between else 0.0
    return truth(design.x) + level + design.noise * error * ((0.4 + 1.6 * share) if design.grows else 1.0)


def covered(design: Design, truth: Callable, draws: int, seed: int = 0) -> dict[str, object]:
    """Coverage, share refused, mean width over |slope|, and how often each curve was picked."""
    rng = np.random.default_rng(seed)
    held, widths, refused = [], [], 0
    picked: Counter[str] = Counter()
    for _ in range(draws):
        y = draw(design, truth, rng)
        points = tuple(
            Point(str(i), str(i), str(run), i, float(a), float(b), None, design.noise)
            for i, (a, b, run) in enumerate(zip(design.x, y, design.run, strict=True))
        )
        fit = fit_cell(Cell("f", UPSTREAM, DOWNSTREAM, points))
        if fit.interval is None:
            refused += 1
            continue
        low, high = fit.window
        true = float(truth(np.array([high]))[0] - truth(np.array([low]))[0]) / (high - low) * -0.1
        held.append(fit.interval.low <= true <= fit.interval.high)
        widths.append((fit.interval.high - fit.interval.low) / abs(true))
        picked[fit.model] += 1
    return {
        "coverage": float(np.mean(held)) if held else float("nan"),
        "refused": refused / draws,
        "width": float(np.mean(widths)) if widths else float("nan"),
        "picked": dict(picked.most_common(3)),
    }


def main(draws: int, only: str = "") -> None:
    """Print a line for every design and truth."""
    for design in designs():
        for name, truth in TRUTHS.items():
            if only not in f"{design.name} {name}":
                continue
            found = covered(design, truth, draws)
            print(f"{design.name:14} {name:8} {found['coverage']:.3f} refused {found['refused']:.2f} "
                  f"width {found['width']:.2f} {found['picked']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, *sys.argv[2:])
