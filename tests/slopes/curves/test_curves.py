"""Leaving out a run by subtracting its sums equals fitting again without it; truths come back."""

from __future__ import annotations

import numpy as np
import pytest

from harness.slopes.curves import LOSSES, SCORES, SHARES
from harness.slopes.curves.base import Curve, Scale
from harness.slopes.curves.least_squares import fit, refined

SCALE = Scale(0.2, 1.0)
CURVES = {curve.name: curve for curve in (*LOSSES, *SHARES, *SCORES)}


def by_hand(curve: Curve, x: np.ndarray, y: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The curve at every x, fitted to the kept points alone by numpy's own least squares at every shape."""
    best, basis, g = (np.inf, None), curve.basis(x, curve.thetas(x)), curve.forward(y, SCALE)
    weights = (
        np.sqrt(curve.weights(fit(curve, x, y, np.arange(x.size), SCALE).predict(x), SCALE)) if curve.linked else 1.0
    )
    if curve.linked:  # weights come from the unweighted fit to all points
        line = np.polyval(np.polyfit(x, g, 1), x)
        weights = np.sqrt(curve.weights(curve.backward(line, SCALE), SCALE))
    weights = np.broadcast_to(weights, x.shape)[kept]
    for columns in basis:
        design = np.column_stack([np.ones(x.size), columns])
        found, *_ = np.linalg.lstsq(design[kept] * weights[:, None], g[kept] * weights, rcond=None)
        sse = np.sum((weights * (g[kept] - design[kept] @ found)) ** 2)
        if sse < best[0] - 1e-15:
            best = (sse, curve.backward(design @ found, SCALE))
    return best[1]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("runs", [4, 16])
def test_without_a_run_is_a_fit_without_it(name: str, runs: int) -> None:
    curve, rng = CURVES[name], np.random.default_rng(1)
    x = np.linspace(2, 3.5, 16)
    y = 0.3 + 0.5 / (1 + np.exp(4 * (x - 2.7))) + rng.normal(0, 0.005, 16)
    run = np.arange(16) % runs
    found = fit(curve, x, y, run, SCALE)
    for left_out in (0, runs // 2):
        kept = run != left_out
        assert found.left_out[~kept] == pytest.approx(by_hand(curve, x, y, kept)[~kept], abs=1e-8)
        assert found.predict_without(x)[left_out] == pytest.approx(by_hand(curve, x, y, kept), abs=1e-8)
    assert found.predict(x) == pytest.approx(by_hand(curve, x, y, np.ones(16, dtype=bool)), abs=1e-8)


TRUTHS = {
    "linear": lambda x: 0.9 - 0.2 * (x - 2),
    "logit": lambda x: 0.2 + 0.8 / (1 + np.exp(2 * (x - 2.6))),
    "exponential": lambda x: 40 * np.exp(-1.3 * x),
    "exponential decay": lambda x: 0.8 - 0.5 * np.exp(-3 * (x - 2)),
    "shifted power": lambda x: 0.5 + 1.3 * (x - 1.4) ** 0.7,
    "sigmoid": lambda x: 0.3 + 0.5 / (1 + np.exp(8 * (x - 2.6))),
    "broken line": lambda x: 0.8 - 0.3 * (x - 2) + 0.28 * np.maximum(x - 2.7, 0),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_a_truth_on_the_curve_comes_back(name: str) -> None:
    x = np.linspace(2, 3.5, 24)
    y = TRUTHS[name](x)
    found = fit(CURVES[name], x, y, np.arange(24), SCALE)
    assert found.predict(x) == pytest.approx(y, abs=0.012 * np.ptp(y))


def test_a_shape_between_two_nodes_is_found_more_closely() -> None:
    """The middle and the rate stand between nodes: the fit between them errs by a quarter of the steps at most, and less in all."""
    curve, x, run = CURVES["sigmoid"], np.tile(np.linspace(2, 3.5, 12), 2), np.repeat(np.arange(2), 12)
    y = 0.3 + 0.55 / (1 + np.exp(6 * (x - 2.71)))
    coarse = fit(curve, x, y, run, SCALE)
    fine = refined(coarse, x, y, run)
    assert abs(fine.theta[0] - 2.71) <= 1.5 * 0.05 / 4 and abs(np.log(fine.theta[1] / 6)) <= np.log(16) / 17 / 4
    assert fine.sse < coarse.sse / 3
    assert fine.without == pytest.approx(np.tile([*fine.theta, *fine.coefficients], (2, 1)))  # both runs say the same
    line = fit(CURVES["linear"], x, y, run, SCALE)
    assert refined(line, x, y, run) is line
