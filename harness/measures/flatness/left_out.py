"""XTrace's values with one probe and with two left out of the sketch, and what they say about the error of their mean."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FEWEST = 3.0
"""Degrees of freedom below which an estimate of them is noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A matrix ``A`` as ``k`` probes ``w_i`` and an orthonormal basis ``Q`` of their images know it.

    Attributes:
        inside: ``Q' A_s Q`` of each sequence, ``(N, k, k)``.
        crossed: ``w_i' A_s Q``, ``(N, k, k)``.
        squares: ``w_i' A_s w_i``, ``(N, k)``.
        images: ``Q' A w_i`` in columns, ``(k, k)``.
        overlaps: ``Q' w_i`` in columns, ``(k, k)``.
        norms: ``|w_i|^2``, ``(k,)``.
        size: Parameters ``P``.
        rounding: Relative rounding of the images.
    """

    inside: NDArray[np.float64]
    crossed: NDArray[np.float64]
    squares: NDArray[np.float64]
    images: NDArray[np.float64]
    overlaps: NDArray[np.float64]
    norms: NDArray[np.float64]
    size: int
    rounding: float

    def mean(self, tokens: int) -> Sketch:
        """Of the mean over tokens: one sequence."""
        inside, crossed, squares = (
            part.sum(0, keepdims=True) / tokens for part in (self.inside, self.crossed, self.squares)
        )
        return Sketch(
            inside, crossed, squares, self.images, self.overlaps, self.norms, self.size, self.rounding
        )  # fmt: skip

    def space(self, *left_out: int) -> NDArray[np.float64]:
        """Orthonormal basis, in coordinates of ``Q``, of the images of all other probes."""
        return column_space(np.delete(self.images, left_out, axis=1), self.rounding)

    def value(self, probe: int, space: NDArray[np.float64]) -> NDArray[np.float64]:
        """The trace on ``space`` and, by a probe that is not in its sketch, on the rest; of each sequence, ``(N,)``."""
        left = self.size - space.shape[1]
        along = space @ (space.T @ self.overlaps[:, probe])
        within = np.einsum("nab,ab->n", self.inside, space @ space.T)
        if not left:
            return within
        outside = self.squares[:, probe] - 2 * self.crossed[:, probe] @ along + (self.inside @ along) @ along
        return np.asarray(within + left / (self.norms[probe] - along @ along) * outside)


def column_space(matrix: NDArray[np.float64], rounding: float) -> NDArray[np.float64]:
    """Orthonormal basis of the columns, fewer where they depend on each other up to rounding.

    >>> column_space(np.array([[1.0, 2.0], [0.0, 0.0]]), rounding=1e-16).shape
    (2, 1)
    """
    left, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, sizes > sizes[:1] * len(matrix) * rounding]


def error_of_mean(values: NDArray[np.float64], moved: NDArray[np.float64]) -> tuple[float, float]:
    r"""Standard error of the mean of XTrace's values ``t_i``, and its degrees of freedom.

    The values share a sketch and hence are not independent: with ``v`` the variance of one and ``c`` the covariance of two,
    the mean has variance ``v/k + (1 - 1/k) c``, and their scatter ``s^2`` estimates ``v - c``, so that ``s^2/k`` alone is
    too small by ``c``. Let ``t_i^(j)`` be ``t_i`` without probe ``j`` in its sketch, and ``T`` the trace. Whatever the
    other probes are, the mean of ``t_i`` over probe ``i`` is ``T``, and so is that of ``t_i^(j)``; as ``t_j^(i)`` does not
    depend on probe ``i``, the expectation of ``(t_i - T)(t_j^(i) - T)`` is zero, and with it

        ``c = E (t_i - t_i^(j)) (t_j - t_j^(i))``

    without knowing ``T``. So ``s^2/k + mean_ij (t_i - t_i^(j)) (t_j - t_j^(i))`` is unbiased for the variance of the
    mean, for every matrix; a negative second part is taken for zero. Each probe has a share ``h_i`` of it, and
    ``2 V^2 / (var(h)/k)``, from 3 to ``k - 1``, are the degrees of freedom: few where few probes make up the error.
    Derived here; the paper of XTrace has ``s^2/k``.

    Args:
        values: ``t_i``, ``(k,)``.
        moved: ``t_i - t_i^(j)``, ``(k, k)``, zero on the diagonal.

    >>> error, freedom = error_of_mean(np.array([1.0, 3.0]), np.zeros((2, 2)))
    >>> error, freedom
    (1.0, 1.0)
    """
    count = len(values)
    own = (values - values.mean()) ** 2 / (count - 1)
    shared = (moved * moved.T).sum(1) / (count - 1)
    variance = float(own.mean() + max(shared.mean(), 0.0))
    noise = float((own + shared).var(ddof=1)) / count
    freedom = max(FEWEST, 2 * variance**2 / noise) if noise else count - 1
    return float(np.sqrt(variance)), float(min(freedom, count - 1))


def moves(sketch: Sketch, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``t_i - t_i^(j)`` of a sketch of one sequence, ``(k, k)``, from ``k (k - 1) / 2`` small decompositions."""
    moved = np.zeros((len(values), len(values)))
    for i, j in combinations(range(len(values)), 2):
        space = sketch.space(i, j)
        moved[i, j] = values[i] - sketch.value(i, space)[0]
        moved[j, i] = values[j] - sketch.value(j, space)[0]
    return moved
