"""The partial correlation of flatness with the metric at given loss, its p by permuting residuals within families.

Freedman and Lane 1983 (Journal of Business and Economic Statistics 1, 292): residuals of the metric about the model
without flatness are exchangeable within a family where flatness adds nothing; flatness itself is left as it is, so that
its relation to the loss is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.slopes.ordinary_least_squares import Array

PERMUTATIONS = 4999
SMALL = 1e-6


@dataclass(frozen=True, slots=True)
class Partial:
    """A partial correlation, its two-sided p, and how many columns were controlled for."""

    r: float
    p: float
    controls: int


def freedman_lane(
    y: Array, flatness: Array, controls: Array, strata: Sequence[str], *, variance: Array | None = None,
    permutations: int | None = None, seed: int = 0,
) -> Partial:  # fmt: skip
    """Test whether flatness explains what the controls leave of y.

    Args:
        y: (n,) the metric.
        flatness: (n,) most often the logarithm of a trace.
        controls: (n, k) columns of the loss model, an intercept or family intercepts among them.
        strata: (n,) the family of each checkpoint; residuals are permuted within it.
        variance: (n,) of y about the model, up to a factor, where it is not the same for all: values are weighted by its
            inverse, and residuals over its root are what is exchangeable.
        permutations: how many; 4,999 without it.
        seed: of the permutations.

    Raises:
        HarnessError: no degrees of freedom are left, or flatness follows from the controls.

    >>> x = np.linspace(0, 1, 20)
    >>> z = np.column_stack([np.ones(20), x])
    >>> found = freedman_lane(x + 0.2 * np.cos(9 * x), np.cos(9 * x) + x, z, ["a"] * 20)
    >>> round(found.r, 3), found.p < 0.001
    (1.0, True)
    """
    permutations = PERMUTATIONS if permutations is None else permutations
    if variance is not None:
        scale = np.sqrt(variance)
        y, flatness, controls = y / scale, flatness / scale, controls / scale[:, None]
    basis = directions(controls)
    n, k = y.size, basis.shape[1]
    if n - k < 3:
        raise HarnessError(
            f"{n} checkpoints and {k} controls leave nothing to test flatness on; measure more checkpoints"
        )
    left = flatness - basis @ (basis.T @ flatness)
    length = float(np.linalg.norm(left))
    if length <= 1e-9 * max(float(np.linalg.norm(flatness - flatness.mean())), 1e-300):
        raise HarnessError("flatness follows from the loss and the families here; nothing of its own is left to test")
    left = left / length
    residual = y - basis @ (basis.T @ y)
    found = correlation(residual[None], basis, left)[0]
    labels = np.asarray(strata)
    generator = np.random.default_rng(seed)
    shuffled = np.tile(residual, (permutations, 1))
    for label in dict.fromkeys(strata):
        where = np.flatnonzero(labels == label)
        shuffled[:, where] = generator.permuted(shuffled[:, where], axis=1)
    null = correlation(shuffled, basis, left)
    p = (1 + int(np.sum(np.abs(null) >= abs(found) - 1e-12))) / (permutations + 1)
    return Partial(float(found), p, k)


def directions(columns: Array) -> Array:
    """An orthonormal basis of what the columns (n, k) span, those that all but follow from the others left out."""
    size = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    basis, share, _ = np.linalg.svd(columns / size, full_matrices=False)
    return np.asarray(basis[:, share > SMALL * share[0]])


def correlation(residuals: Array, basis: Array, left: Array) -> Array:
    """Correlation of each row, freed of the controls once more, with flatness freed of them."""
    freed = residuals - (residuals @ basis) @ basis.T
    size = np.linalg.norm(freed, axis=1)
    return freed @ left / np.where(size > 0, size, 1.0)
