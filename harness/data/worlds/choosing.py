"""Random choices and random probabilities that are the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

GRID = 2.0**32
"""Probabilities are whole multiples of 1/GRID before each row is divided by its sum; see `on_grid`."""


def on_grid(weights: Floats) -> Floats:
    """Rows of positive probabilities proportional to ``weights``, rounded so that every machine gets the same.

    The gamma draws call the C library's logarithm and power, whose last bit differs between machines;
    whole numbers below 2**53 and one division do not.

    >>> on_grid(np.array([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    total = np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    whole = np.maximum(np.rint(weights / total * GRID), 1.0)
    return whole / whole.sum(axis=1, keepdims=True)


def cumulative(rows: Floats) -> Floats:
    """Each row's cumulative sums, ending in exactly 1, shifted by the row's number and laid end to end."""
    sums = np.cumsum(rows, axis=1)
    sums /= sums[:, -1:]
    return (sums + np.arange(len(rows))[:, None]).ravel()


def choose(sums: Floats, row: Integers, uniforms: Floats) -> Integers:
    """For each row number, the column whose share of [0, 1) holds its uniform number."""
    position = np.searchsorted(sums, row + uniforms, side="right")
    columns = len(sums) // round(float(sums[-1]))
    return np.minimum(position - row * columns, columns - 1)
