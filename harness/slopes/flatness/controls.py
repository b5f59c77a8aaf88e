"""What is held fixed of the loss: all that the curves picked for it could do, were their parameters a little different."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.slopes.cell import Fit
from harness.slopes.curves.tangent import slope_at, tangent
from harness.slopes.flatness.freedman_lane import directions
from harness.slopes.ordinary_least_squares import Array


def loss_controls(loss: Array, fits: Sequence[Fit]) -> Array:
    """An orthonormal basis (n, k) of a square of the loss and, for each family, of its curve's tangent there.

    To first order a curve that is fitted anew moves within its tangent: an intercept and the loss for a line, four
    columns for a sigmoid. A test with these columns costs as many degrees of freedom as the curve has parameters. The
    square, one for all families, is for curves that were picked too simple, and takes from flatness what follows the
    loss alone.

    Args:
        loss: (n,) at which the curves are taken.
        fits: (n,) the fit of each checkpoint's family.
    """
    blocks = []
    for fit in unique(fits):
        where = np.array([other is fit for other in fits])
        columns = tangent_of(fit, loss[where])
        block = np.zeros((loss.size, columns.shape[1]))
        block[where] = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
        blocks.append(block)
    return directions(np.column_stack([*blocks, (loss - loss.mean()) ** 2]))


def tangent_of(fit: Fit, loss: Array) -> Array:
    """Of the curve that was picked, with an intercept; of a straight line where none was."""
    ones = np.ones(loss.size)
    return np.column_stack([ones, loss] if fit.fitted is None else [ones, tangent(fit.fitted, loss)])


def slopes_of(loss: Array, fits: Sequence[Fit]) -> Array:
    """How steep the curve of each checkpoint's family is at its loss, (n,), per unit of the loss."""
    found = np.zeros(loss.size)
    for fit in unique(fits):
        where = np.array([other is fit for other in fits])
        found[where] = float(fit.slope or 0.0) if fit.fitted is None else slope_at(fit.fitted, loss[where])
    return found


def unique(fits: Sequence[Fit]) -> list[Fit]:
    """Each fit once, in the order they are first seen."""
    return list({id(fit): fit for fit in fits}.values())
