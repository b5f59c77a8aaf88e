"""Among checkpoints of equal loss, is the flatter one better? Kendall's S within groups, by permutation.

Groups hold checkpoints whose losses differ by less than a caliper; flatness is permuted within each. Exact where there
are few enough permutations, else from draws.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.slopes.ordinary_least_squares import Array

EXACT = 20_000
DRAWS = 9_999


@dataclass(frozen=True, slots=True)
class Matched:
    """The test at matched loss.

    Attributes:
        s: concordant less discordant pairs (flatness against metric) within groups; negative: the flatter is better.
        p: two-sided.
        pairs: how many pairs were compared.
        groups: sizes of the groups with two checkpoints or more.
        balance: correlation of flatness and loss within groups: near zero, or the groups are not of equal loss.
    """

    s: int
    p: float
    pairs: int
    groups: tuple[int, ...]
    balance: float | None


def matched_loss(y: Array, loss: Array, flatness: Array, caliper: float) -> Matched | None:
    """Compare within groups of equal loss; None where no two checkpoints are within the caliper.

    >>> found = matched_loss(np.array([3.0, 2, 1, 9, 8, 7]), np.array([2.0, 2, 2, 1, 1, 1]),
    ...                      np.array([1.0, 2, 3, 4, 5, 6]), 0.01)
    >>> found.s, found.pairs, round(found.p, 4)
    (-6, 6, 0.0556)
    """
    groups = [group for group in groups_of(loss, caliper) if group.size > 1]
    if not groups:
        return None
    found = sum(score(y[group], flatness[group]) for group in groups)
    null = null_scores([(y[group], flatness[group]) for group in groups])
    exact = null.size <= EXACT and null.size == math.prod(math.factorial(group.size) for group in groups)
    extreme = int(np.sum(np.abs(null) >= abs(found)))
    p = extreme / null.size if exact else (1 + extreme) / (null.size + 1)
    apart = [(loss[g] - loss[g].mean(), flatness[g] - flatness[g].mean()) for g in groups]
    a, b = (np.concatenate(part) for part in zip(*apart, strict=True))
    size = float(np.sqrt((a @ a) * (b @ b)))
    pairs = sum(group.size * (group.size - 1) // 2 for group in groups)
    return Matched(found, p, pairs, tuple(group.size for group in groups), float(a @ b) / size if size > 0 else None)


def groups_of(loss: Array, caliper: float) -> list[np.ndarray]:
    """Positions by loss, a group ending where the next is more than the caliper above the group's first."""
    groups: list[list[int]] = []
    start = -math.inf
    for position in np.argsort(loss, kind="stable"):
        if loss[position] - start > caliper:
            groups.append([])
            start = float(loss[position])
        groups[-1].append(int(position))
    return [np.array(group) for group in groups]


def score(y: Array, flatness: Array) -> int:
    """Concordant less discordant pairs."""
    first, second = np.triu_indices(y.size, 1)
    return int(np.sum(np.sign(y[second] - y[first]) * np.sign(flatness[second] - flatness[first])))


def null_scores(groups: list[tuple[Array, Array]]) -> npt.NDArray[np.int64]:
    """S under permutations of flatness within groups: all of them, or draws."""
    if math.prod(math.factorial(y.size) for y, _ in groups) <= EXACT:
        each = [[score(y, np.array(order)) for order in itertools.permutations(f)] for y, f in groups]
        return np.array([sum(parts) for parts in itertools.product(*each)])
    generator = np.random.default_rng(0)
    total = np.zeros(DRAWS, dtype=np.int64)
    for y, flatness in groups:
        first, second = np.triu_indices(y.size, 1)
        signs = np.sign(y[second] - y[first])
        shuffled = generator.permuted(np.tile(flatness, (DRAWS, 1)), axis=1)
        total += (np.sign(shuffled[:, second] - shuffled[:, first]) @ signs).astype(np.int64)
    return total
