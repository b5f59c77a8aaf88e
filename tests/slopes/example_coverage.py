"""Does an interval hold the slope over all examples there could be, when every checkpoint was scored on the same few?

``python tests/slopes/example_coverage.py 2000`` prints the table: how often intervals hold it that allow for no other
examples, for others downstream, and for others upstream too, and how wide they are. The slow test asks for fewer draws.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from harness.slopes.cell import Axis, Cell, ExampleErrors, Point
from harness.slopes.example_errors import example_errors, influence
from harness.slopes.fit import fit_cell

UPSTREAM = Axis("loss", "nats_per_token", "nats per token", False)
ACCURACY = Axis("task", "accuracy", "fraction", True)
OTHER_LOSS = Axis("remasked", "nats_per_token", "nats per token", False)
EXAMPLES, DOCUMENTS = 200, 60
WAYS = ("none", "downstream", "both")


@dataclass(frozen=True)
class Design:
    """Runs of so many checkpoints, how far slopes differ between examples, between documents, and between runs.

    A ``paired`` design is a planted control: both axes are losses of the same documents under two sets of masks.
    """

    runs: int
    checkpoints: int
    between_examples: float = 0.0
    between_documents: float = 0.0
    between_runs: float = 0.01
    paired: bool = False

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.runs} runs of {self.checkpoints}{', same documents' if self.paired else ''}"

    @property
    def slope(self) -> float:
        """dy/dx over all examples and documents."""
        return 1.0 if self.paired else -0.2


DESIGNS = (
    *(Design(runs, checkpoints, spread) for runs, checkpoints in ((12, 1), (24, 1), (12, 4)) for spread in (0.0, 0.15, 0.3)),
    *(Design(runs, each, spread, 0.3) for runs, each in ((2, 8), (3, 8), (6, 4)) for spread in (0.0, 0.3)),
    *(Design(runs, each, 0.0, 0.6) for runs, each in ((3, 8), (12, 4))),
    *(Design(runs, each, 0.0, 0.3, paired=True) for runs, each in ((2, 8), (3, 4), (3, 8), (12, 4))),
)  # fmt: skip


def draw(design: Design, rng: np.random.Generator) -> tuple[Cell, dict[str, ExampleErrors | None]]:
    """A cell, and the errors of its examples as known in three ways."""
    n, each = design.runs * design.checkpoints, design.checkpoints
    run = np.repeat(np.arange(design.runs), each)
    true = np.linspace(2, 3, n) if each == 1 else np.tile(np.linspace(3, 2, each), design.runs)
    own = rng.normal(0, design.between_runs, design.runs)[run]
    tilt = rng.normal(0, design.between_documents / 3, DOCUMENTS)
    losses = lost(true, tilt, design, rng)
    x_moved = influence(losses[:, None, :], np.ones((n, 1, DOCUMENTS)))
    x = losses.mean(axis=1)
    values = lost(true + own * (true - 2.5), tilt, design, rng) if design.paired else answered(true, own, design, rng)
    moved = influence(values[:, None, :], np.ones((n, 1, values.shape[1])))
    errors = example_errors(moved, x_moved, paired=design.paired)
    noise = np.sqrt(np.diag(errors.y)), np.sqrt(np.diag(errors.x))
    points = tuple(
        Point(str(i), str(i), str(run[i]), i, float(x[i]), float(values[i].mean()), float(noise[1][i]) or None, float(noise[0][i]))
        for i in range(n)
    )  # fmt: skip
    nothing = np.zeros((n, n))
    known = {"none": None, "downstream": replace(errors, x=nothing, xy=nothing), "both": errors}
    return Cell("family", UPSTREAM, OTHER_LOSS if design.paired else ACCURACY, points), known


def lost(true: np.ndarray, tilt: np.ndarray, design: Design, rng: np.random.Generator) -> np.ndarray:
    """Losses (n, documents): each document has a slope of its own, and a further one, thrice as wide, with every set of masks."""
    if not design.between_documents:
        return np.repeat(true[:, None], tilt.size, axis=1)
    masks = rng.normal(0, design.between_documents, tilt.size)
    noise = rng.normal(0, 0.02, (true.size, tilt.size))
    return np.asarray(true[:, None] + (tilt + masks) * (true[:, None] - 2.5) + noise)


def answered(true: np.ndarray, own: np.ndarray, design: Design, rng: np.random.Generator) -> np.ndarray:
    """Right or wrong (n, examples) by a chance that falls with the loss, for each example by its own."""
    slope = design.slope + rng.uniform(-1, 1, EXAMPLES) * design.between_examples * np.sqrt(3)
    right = 0.5 + rng.uniform(-0.1, 0.1, EXAMPLES) + (slope + own[:, None]) * (true[:, None] - 2.5)
    return np.asarray((rng.random((true.size, EXAMPLES)) < np.clip(right, 0, 1)).astype(float))


def covered(design: Design, draws: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Coverage, and mean width over the true slope, for each way of knowing the examples."""
    rng = np.random.default_rng(seed)
    held, widths = np.zeros((draws, 3)), np.zeros((draws, 3))
    sign = 0.1 if design.paired else -0.1
    for i in range(draws):
        cell, known = draw(design, rng)
        for j, way in enumerate(WAYS):
            interval = fit_cell(replace(cell, examples=known[way])).interval
            held[i, j] = interval.low <= sign * design.slope <= interval.high
            widths[i, j] = (interval.high - interval.low) / abs(0.1 * design.slope)
    return dict(zip(WAYS, zip(held.mean(axis=0), widths.mean(axis=0), strict=True), strict=True))


def main(draws: int) -> None:
    """Print a line of the table for every design."""
    print(
        "| design | sd of slopes between examples | between documents | none | width | downstream | width | both | width |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for design in DESIGNS:
        found = covered(design, draws)
        numbers = " | ".join(f"{held:.3f} | {width:.2f}" for held, width in found.values())
        print(f"| {design.name} | {design.between_examples} | {design.between_documents} | {numbers} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
