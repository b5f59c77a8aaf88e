"""Families and flatness in words."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.findings import family_sentences, flatness_sentence
from harness.slopes import fit_points
from harness.slopes.board_wide import compared
from harness.slopes.flatness.battery import battery


def lines(slopes):
    x, rng = np.linspace(2, 3, 12), np.random.default_rng(2)
    return compared([
        fit_points(x, 0.9 - slope * (x - 2) + rng.normal(0, 0.004, 12), family=f"f{i}", task="rte", metric="accuracy")
        for i, slope in enumerate(slopes)
    ])  # fmt: skip


def test_families() -> None:
    (apart,) = family_sentences(lines([0.1, 0.3, 0.5]))
    assert "3 families" in apart and "do not share a slope" in apart and "points per 0.1 nat" in apart
    (alike,) = family_sentences(lines([0.2, 0.2]))
    assert "One slope for all is not excluded" in alike
    assert family_sentences(lines([0.2])) == []


@pytest.mark.parametrize(
    ("own", "said"), [(0.05, "the flatter checkpoints have the higher value"), (0.0, "nothing beyond the loss")]
)
def test_flatness(own: float, said: str) -> None:
    x, rng = np.linspace(2, 3, 16), np.random.default_rng(1)
    part = rng.normal(size=16)
    fit = fit_points(x, 0.9 - 0.2 * (x - 2) - own * part + rng.normal(0, 0.004, 16), x_stderr=0.0001)
    found = battery(
        [fit], {point.checkpoint: float(np.exp(p)) for point, p in zip(fit.cell.points, part, strict=True)}, "fisher"
    )
    sentence = flatness_sentence(found, found.partial.p)
    assert said in sentence and "it could have seen |r| of" in sentence
