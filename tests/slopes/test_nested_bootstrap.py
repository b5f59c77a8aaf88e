"""Standard errors of each level equal those of theory, and of a brute simulation over new samples."""

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.nested_bootstrap import nested_bootstrap

X = np.linspace(2, 3, 8)


def hits(rng, shared=0.0, examples=400, seeds=1):
    """Accuracy falls with the loss; ``shared`` of each example's difficulty matters more at a high loss, for all alike."""
    difficulty = rng.normal(size=examples)
    p = 0.9 - (0.2 + shared * difficulty)[None, :] * (X - 2)[:, None]
    return (rng.random((8, seeds, examples)) < np.clip(p, 0, 1)[:, None, :]).astype(float)


def slope(outcome):
    y = outcome.mean(axis=(1, 2))
    return np.polyfit(X, y, 1)[0]


@pytest.mark.parametrize("shared", [0.0, 0.2])
def test_examples_move_the_slope_as_new_samples_do(shared: float) -> None:
    rng = np.random.default_rng(1)
    true = np.std([slope(hits(rng, shared)) for _ in range(400)], ddof=1)
    found = np.mean([
        nested_bootstrap(X, (o := hits(rng, shared)), np.ones_like(o), np.arange(8), ("examples",), draws=200).stderr
        for _ in range(8)
    ])  # fmt: skip
    assert found == pytest.approx(true, rel=0.12)


def test_a_ratio_is_weighted_and_observed_is_least_squares() -> None:
    rng = np.random.default_rng(2)
    weight = rng.integers(1, 9, (8, 1, 50)).astype(float)
    outcome = weight * (0.5 + 0.3 * X)[:, None, None]
    found = nested_bootstrap(X, outcome, weight, np.arange(8))
    assert found.observed == pytest.approx(0.3) and np.nanmax(np.abs(found.slopes - 0.3)) < 1e-9


def test_levels_that_are_not_drawn_stay() -> None:
    rng = np.random.default_rng(3)
    outcome = hits(rng, seeds=3)
    outcome[2, 2] = np.nan  # one checkpoint has two seeds
    run = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    weight = np.ones_like(outcome)
    still = nested_bootstrap(X, outcome, weight, run, ())
    assert np.all(still.slopes == still.slopes[0]) and still.slopes[0] == pytest.approx(still.observed)
    one, all_ = (
        nested_bootstrap(X, outcome, weight, run, levels).stderr
        for levels in (("seeds",), ("runs", "seeds", "examples"))
    )
    assert 0 < one < all_


def test_seeds_spread_as_theory_says() -> None:
    """Two seeds at +-d: their mean over two draws has variance d²/2."""
    outcome = np.zeros((8, 2, 1))
    outcome[:, 0], outcome[:, 1] = 0.1, -0.1
    found = nested_bootstrap(X, outcome, np.ones_like(outcome), np.arange(8), ("seeds",), draws=4000)
    assert found.stderr == pytest.approx(0.1 / np.sqrt(2) / np.sqrt(np.sum((X - X.mean()) ** 2)), rel=0.05)


def test_bad_input() -> None:
    with pytest.raises(HarnessError, match="unknown levels"):
        nested_bootstrap(X, np.ones((8, 1, 2)), np.ones((8, 1, 2)), np.arange(8), ("documents",))
    with pytest.raises(HarnessError, match="no seed"):
        nested_bootstrap(X, np.full((8, 1, 2), np.nan), np.ones((8, 1, 2)), np.arange(8))
