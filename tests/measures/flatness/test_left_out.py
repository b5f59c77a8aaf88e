"""The error of XTrace's mean: exact by enumeration, and intervals that cover for spectra of all kinds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matrices import MatrixOperator

from harness.measures.flatness.left_out import FEWEST, Sketch, error_of_mean, moves
from harness.measures.flatness.xtrace import xtrace_of
from harness.measures.ratio import t_quantile

NUMBERS = np.arange(1, 201.0)
SPECTRA = {
    "flat": np.linspace(1, 3, 200),
    "power law": 1 / NUMBERS,
    "steep power law": NUMBERS**-2,
    "exponential": 0.9**NUMBERS,
    "spiked": np.where(NUMBERS <= 4, 50, 0.05 * (1 + NUMBERS / 200)),
    "few": np.where(NUMBERS <= 3, 100 / NUMBERS, 1e-3 * NUMBERS**-0.5),
    "indefinite": 1 / NUMBERS * (-1) ** NUMBERS + 0.01,
}


def of(matrix: np.ndarray, probes: np.ndarray) -> Sketch:
    """What XTrace would know after the products with these probes (in columns)."""
    basis, _ = np.linalg.qr(matrix @ probes)
    return Sketch(
        inside=(basis.T @ matrix @ basis)[None], crossed=(probes.T @ matrix @ basis)[None],
        squares=np.diag(probes.T @ matrix @ probes)[None], images=basis.T @ matrix @ probes, overlaps=basis.T @ probes,
        norms=(probes**2).sum(0), size=len(matrix), rounding=np.finfo(float).eps,
    )  # fmt: skip


def circle(count: int = 8) -> np.ndarray:
    """Directions whose mean over the circle is that over these, for all that is quadratic in them: a uniform design."""
    angles = np.pi * (np.arange(count) + 0.5) / count
    return np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)])


def test_values_are_those_of_the_formula() -> None:
    """Written out with projections in all of the space."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(9, 9))
    matrix, probes = matrix + matrix.T, rng.normal(size=(9, 4))
    sketch = of(matrix, probes)
    for i, left_out in ((0, (0,)), (2, (2,)), (1, (1, 3)), (3, (1, 3))):
        q, _ = np.linalg.qr(matrix @ np.delete(probes, left_out, axis=1))
        m = probes[:, i] - q @ (q.T @ probes[:, i])
        exact = np.trace(q.T @ matrix @ q) + (9 - q.shape[1]) * (m @ matrix @ m) / (m @ m)
        assert sketch.value(i, sketch.space(*left_out))[0] == pytest.approx(exact, rel=1e-9)


@pytest.mark.slow
def test_the_variance_is_unbiased_over_all_pairs_of_probes() -> None:
    """Two probes in the plane: with one in the sketch, the other's rest is a line; every pair of a uniform design."""
    design = circle(64)
    matrix = np.array([[3.0, 0.5], [0.5, -1.0]])
    means, raw, scatter = [], [], []
    for i, j in product(range(64), repeat=2):
        sketch = of(matrix, np.stack([design[:, i], design[:, j]], axis=1))
        values = np.array([sketch.value(n, sketch.space(n))[0] for n in range(2)])
        moved = moves(sketch, values)
        means.append(values.mean())
        scatter.append(values.var(ddof=1) / 2)
        raw.append(scatter[-1] + moved[0, 1] * moved[1, 0])
    assert np.mean(means) == pytest.approx(2.0, abs=1e-9)
    assert np.mean(raw) == pytest.approx(np.var(means), abs=1e-9)


def test_degrees_of_freedom() -> None:
    """As many as values less one where all have a like share; few where two have nearly all; no fewer than three."""
    even, together, against = np.array([1.0, -1.0] * 6), np.zeros((12, 12)), np.zeros((12, 12))
    own = even.std(ddof=1) / np.sqrt(12)
    assert error_of_mean(even, together) == (pytest.approx(own), 11)
    together[0, 1], together[1, 0] = 30.0, 40.0
    error, freedom = error_of_mean(even, together)
    assert error == pytest.approx(np.sqrt(own**2 + 2 * 1200 / 132)) and 3 < freedom < 5
    against[0, 1], against[1, 0] = 30.0, -40.0
    assert error_of_mean(even, against) == (pytest.approx(own), FEWEST)
    assert error_of_mean(np.ones(5), np.zeros((5, 5))) == (0.0, 4.0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "probes"), [*((name, 6) for name in sorted(SPECTRA)), ("exponential", 12)])
def test_the_interval_of_the_probes_covers(name: str, probes: int) -> None:
    """A diagonal matrix is as good as any, the probes having no direction of their own."""
    spectrum = torch.as_tensor(SPECTRA[name])
    operator, exact, inside, draws = MatrixOperator.of(torch.diag(spectrum), 1), float(spectrum.sum()), 0, 300
    for seed in range(draws):
        found = xtrace_of(operator, 2 * probes, seed)
        inside += abs(found.value - exact) <= t_quantile(int(found.freedom)) * found.probe_stderr
    assert inside / draws > 0.91, inside / draws
