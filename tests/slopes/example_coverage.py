"""Does an interval hold the slope over all test examples there could be, when every checkpoint was scored on the same few?

``python tests/slopes/example_coverage.py 2000`` prints the table: how often intervals with and without the examples' error
hold it, and how wide they are. The slow test asks for fewer draws.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.example_errors import example_errors
from harness.slopes.fit import fit_cell

UPSTREAM = Axis("loss", "nats_per_token", "nats per token", False)
DOWNSTREAM = Axis("task", "accuracy", "fraction", True)
SLOPE = -0.2
EXAMPLES = 200


@dataclass(frozen=True)
class Design:
    """Runs of so many checkpoints, how far slopes differ between examples, and between runs."""

    runs: int
    checkpoints: int
    between_examples: float
    between_runs: float = 0.01

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.runs} runs of {self.checkpoints}"


DESIGNS = tuple(
    Design(runs, checkpoints, spread)
    for runs, checkpoints in ((12, 1), (24, 1), (12, 4))
    for spread in (0.0, 0.15, 0.3)
)


def draw(design: Design, rng: np.random.Generator) -> Cell:
    """A cell with its examples' errors: right or wrong by a chance that falls with the loss, for each example by its own."""
    n, each = design.runs * design.checkpoints, design.checkpoints
    run = np.repeat(np.arange(design.runs), each)
    x = np.linspace(2, 3, n) if each == 1 else np.tile(np.linspace(3, 2, each), design.runs)
    slope = SLOPE + rng.uniform(-1, 1, EXAMPLES) * design.between_examples * np.sqrt(3)
    own = rng.normal(0, design.between_runs, design.runs)[run]
    level = rng.uniform(-0.1, 0.1, EXAMPLES)
    right = 0.5 + level + (slope + own[:, None]) * (x[:, None] - 2.5)
    hits = (rng.random((n, EXAMPLES)) < np.clip(right, 0, 1)).astype(float)[:, None, :]
    value = hits.mean(axis=(1, 2))
    noise = np.sqrt(value * (1 - value) / EXAMPLES)
    points = tuple(
        Point(str(i), str(i), str(run[i]), i, float(x[i]), float(value[i]), None, float(noise[i])) for i in range(n)
    )
    errors = example_errors(x, hits, np.ones_like(hits), run.astype(np.intp))
    return Cell("family", UPSTREAM, DOWNSTREAM, points, examples=errors)


def covered(design: Design, draws: int, seed: int = 0) -> dict[str, float]:
    """Coverage and mean width, without and with what other examples would do."""
    rng = np.random.default_rng(seed)
    held, widths = np.zeros((draws, 2)), np.zeros((draws, 2))
    for i in range(draws):
        cell = draw(design, rng)
        for j, asked in enumerate((replace(cell, examples=None), cell)):
            interval = fit_cell(asked).interval
            held[i, j] = interval.low <= -0.1 * SLOPE <= interval.high
            widths[i, j] = (interval.high - interval.low) / abs(0.1 * SLOPE)
    return dict(zip(("without", "with"), held.mean(axis=0), strict=True)) | dict(
        zip(("width without", "width with"), widths.mean(axis=0), strict=True)
    )


def main(draws: int) -> None:
    """Print a line of the table for every design."""
    print("| design | sd of slopes between examples | coverage without | width | coverage with | width |")
    print("|---|---|---|---|---|---|")
    for design in DESIGNS:
        found = covered(design, draws)
        print(f"| {design.name} | {design.between_examples} | {found['without']:.3f} | {found['width without']:.2f} | "
              f"{found['with']:.3f} | {found['width with']:.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
