from __future__ import annotations

import json

import numpy as np
import pytest
from regress_examples import Cell, folder

from harness.regress.slopes import Slopes, slope_cells
from harness.regress.tolerance import parse
from harness.regress.verdict import judged
from harness.slopes import fit_points
from tests.test_cli import harness


def fit(slope: float, noise: float = 0.001, seed: int = 0, points: int = 12):
    x = np.linspace(2, 3, points)
    return fit_points(x, 1 - slope * x + np.random.default_rng(seed).normal(0, noise, points))


def verdict(before, now, tolerance: str = "20%") -> list[str]:
    cells, absent = slope_cells(Slopes([before], [now] if now else []), [parse(tolerance)], gated=True)
    return [answer.verdict for answer in [*judged(cells, [True] * len(cells)), *absent]]


@pytest.mark.parametrize(("slope", "expected"), [(0.1, "worse"), (-0.1, "worse"), (0.4, "better"), (0.2, "equivalent")])
def test_a_transfer_slope_is_worse_where_it_transfers_less(slope, expected):
    assert verdict(fit(0.2), fit(slope, seed=1)) == [expected]


def test_a_noisy_slope_is_undecided_and_the_same_one_is_unchanged():
    assert verdict(fit(0.2, 0.2), fit(0.15, 0.2, seed=1)) == ["undecided"]
    assert verdict(fit(0.2, 0.2), fit(0.2, 0.2)) == ["equivalent"]


def test_a_slope_that_is_gone_or_refused_cannot_be_told():
    assert verdict(fit(0.2), None) == ["missing"]
    assert verdict(fit(0.2), fit(0.2, points=2)) == ["incomparable"]
    assert verdict(fit(0.2, points=2), fit(0.2)) == []


def test_the_difference_has_the_errors_of_both_fits():
    one, other = fit(0.2, 0.01), fit(0.2, 0.02, seed=3)
    cells, _ = slope_cells(Slopes([one], [other]), [], gated=True)
    assert cells[0].difference.stderr == pytest.approx(np.hypot(one.stderr * one.per, other.stderr * other.per))
    assert cells[0].gain == pytest.approx(other.transfer_slope - one.transfer_slope)


def test_the_command_compares_slopes_where_it_is_asked_to(tmp_path):
    names = [f"step{n}" for n in range(8)]
    suite = (
        f"families: {{f: {{checkpoints: [{', '.join(names)}]}}}}\ntasks: {{upstream: [wiki], downstream: [glue/rte]}}\n"
    )
    for place, slope in (("a", 0.2), ("b", 0.05)):
        cells = []
        for n, name in enumerate(names):
            loss = 3.0 - 0.1 * n
            cells.append(Cell("wiki", "nats_per_token", values=[loss], checkpoint=name))
            cells.append(
                Cell(values=[0.5 + slope * (3 - loss) + 0.0005 * (-1) ** n], checkpoint=name, seeded=True, stderr=0.001)
            )
        folder(tmp_path / place, *cells, identity=f"weights:{place}", suite=suite)
    done = harness("regress", "b", "-b", "a", "--fail-on", "slope", "--json", cwd=tmp_path)
    slopes = [cell for cell in json.loads(done.stdout)["cells"] if cell["group"] == "slope"]
    assert done.returncode == 1, done.stderr
    assert [(s["task"], s["metric"], s["checkpoint"], s["verdict"]) for s in slopes] == [
        ("glue/rte", "accuracy on wiki nats_per_token", "f", "worse")]  # fmt: skip
