"""The alarm when the best checkpoints leave the curve."""

import numpy as np
import pytest

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.divergence import divergence, recursive_residuals
from harness.slopes.fit import fit_cell


def test_recursive_residuals_are_those_of_statsmodels():
    diagnostic = pytest.importorskip("statsmodels.stats.diagnostic")
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(20), rng.normal(size=(20, 2))])
    y = design @ [1.0, 2.0, -1.0] + rng.normal(size=20)
    theirs = diagnostic.recursive_olsresiduals(api.OLS(y, design).fit())[4]
    ours = recursive_residuals(design, y)[3:]
    assert np.allclose(ours, theirs[-17:])


def test_false_alarms_are_rare():
    rng = np.random.default_rng(1)
    x = np.linspace(4, 2, 24)
    alarms = sum(divergence(x[:, None], rng.normal(size=24), x, -1) is not None for _ in range(500))
    assert alarms <= 3


@pytest.mark.parametrize("side", [-1, 1])
def test_a_turn_at_the_best_checkpoints_is_found_with_its_side(side):
    rng = np.random.default_rng(2)
    x = np.linspace(4, 2, 24)
    found = []
    for _ in range(50):
        y = -0.1 * x + side * 0.3 * np.maximum(2.5 - x, 0) + rng.normal(0, 0.005, 24)
        found.append(divergence(x[:, None], y, x, -1))
    assert sum(d is not None for d in found) >= 45
    assert all(np.sign(d.z) == side for d in found if d)
    assert np.mean([d.since <= 2.5 for d in found if d]) >= 0.9


def test_a_turn_at_the_worst_checkpoints_is_none():
    x = np.linspace(4, 2, 24)
    y = -0.1 * x + 0.3 * np.maximum(x - 3.8, 0) + np.random.default_rng(3).normal(0, 0.005, 24)
    found = divergence(x[:, None], y, x, -1)
    assert found is None or found.since > 3.0


def test_the_flag_says_where_and_names_the_metric():
    x = np.linspace(4, 2, 24)
    y = 0.9 - 0.1 * x - 0.9 * np.maximum(2.3 - x, 0) + np.random.default_rng(4).normal(0, 0.002, 24)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(b)) for i, (a, b) in enumerate(zip(x, y, strict=True))
    )
    axes = Axis("loss", "loss", "nats per token", False), Axis("task", "accuracy", "fraction", True)
    fit = fit_cell(Cell("f", *axes, points))
    texts = {flag.code: flag.text for flag in fit.flags}
    assert "DIVERGES" in texts or "BREAK" in texts
    if fit.model == "linear":
        assert "below" in texts["DIVERGES"]
