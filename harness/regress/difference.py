r"""How far a metric moved, and how sure that is: one side's outcomes against the other's on the same examples.

A metric is ``sum of outcomes / sum of weights`` over examples: right answers over questions, nats over tokens. What each
cluster of examples (a document, an example) says of it is its *pseudo-value* ``z_c = R + C (o_c - R w_c) / W``, whose mean
over the ``C`` clusters is the metric ``R`` itself and whose scatter is that of the metric under other examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from harness.paired.bootstrap import paired_bootstrap
from harness.paired.mcnemar import mcnemar
from harness.paired.paired_t import error_of, ratio_and_influence
from harness.paired.randomisation import randomisation
from harness.regress.cell import Difference
from harness.slopes.ordinary_least_squares import Array


def pseudo_values(outcome: Array, weight: Array) -> Array:
    """Pseudo-values of each seed, (S, C).

    Args:
        outcome: (S, C) sums of outcomes of each cluster.
        weight: (S, C) sums of weights.

    >>> pseudo_values(np.array([[1.0, 0.0, 1.0, 1.0]]), np.ones((1, 4))).tolist()
    [[1.0, 0.0, 1.0, 1.0]]
    """
    clusters = outcome.shape[1]
    ratio, moved = ratio_and_influence(outcome, weight, np.arange(clusters))
    return np.asarray(ratio[:, None] + clusters * moved)


def paired(before: Array, now: Array, *, binary: bool = False) -> Difference:
    """The difference of a metric that has no randomness of its own: paired t over clusters.

    Where outcomes are right or wrong, McNemar's exact test stands beside it (``exact``), since t is too sure of itself
    when few examples flipped.

    Args:
        before: (C,) pseudo-values, C >= 2.
        now: (C,) pseudo-values of the same clusters.
        binary: whether each is one example, right (1) or wrong (0).

    >>> found = paired(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 0.0]), binary=True)
    >>> found.value, round(found.stderr, 4), found.exact
    (-0.5, 0.2887, 0.25)
    """
    moved, clusters = now - before, before.size
    value = float(moved.mean())
    squared, freedom = error_of(np.array([value]), (moved - value)[None] / clusters)
    return Difference(
        value, math.sqrt(squared), freedom, "paired t and McNemar's exact test" if binary else "paired t over clusters",
        clusters, example_variance=squared, unchanged=not moved.any(),
        exact=one_sided(mcnemar(now > 0.5, before > 0.5).p) if binary else None,
    )  # fmt: skip


def one_sided(p: float | None) -> float | None:
    """The p-value in the direction that was found, of a symmetric two-sided test.

    >>> one_sided(0.5), one_sided(None)
    (0.25, None)
    """
    return None if p is None else p / 2


def of_sums(before: Array, now: Array, values: Callable[[Array], Array]) -> Difference:
    """The difference of a metric of sums over segments, such as BLEU: paired bootstrap, and approximate randomisation.

    Args:
        before: (N, k) statistics of each segment, N >= 2.
        now: (N, k) of the same segments.
        values: the metric from sums, (R, k) to (R,).
    """
    found = paired_bootstrap(now, before, values)
    stderr = float(found.stderr or 0.0)
    return Difference(
        found.difference, stderr, len(before) - 1, "paired bootstrap and approximate randomisation", len(before),
        example_variance=stderr**2, exact=one_sided(randomisation(now, before, values).p),
        unchanged=bool(np.array_equal(before, now)),
    )  # fmt: skip


def crossed(before: Array, now: Array) -> Difference:
    r"""The difference of a metric that is trained anew under each seed: seeds and examples both vary.

    With ``z_sc`` of seed ``s`` and cluster ``c`` on each side, seeds of the two sides independent and clusters shared,

        ``Var(D) = V_before/S + V_now/S' + V_c/C - M_before/(S C) - M_now/(S' C)``,

    ``V`` the variance between the seeds' means of a side, ``V_c`` that of the clusters' mean differences and ``M`` the
    mean square of what seed and cluster leave unexplained, which both count. Degrees of freedom are Satterthwaite's (1946).
    Equal seeds of two sides may move together; then this allows for too much and never for too little. Pairing them
    (``harness.paired.paired_t``) would allow for just enough, but leave S - 1 degrees of freedom: of three seeds Student's t
    is then 9.9 at .005 instead of 4.6, and hardly any drop is found.

    Args:
        before: (S, C) pseudo-values, S >= 2.
        now: (S', C) of the same clusters, S' >= 2.

    >>> rng = np.random.default_rng(0)
    >>> found = crossed(rng.normal(0, 1, (3, 400)), rng.normal(0, 1, (4, 400)))
    >>> round(found.value, 3), round(found.stderr, 3), found.seeds
    (0.002, 0.04, 3)
    """
    sides = (before, now)
    clusters = before.shape[1]
    by_seed = [float(side.mean(axis=1).var(ddof=1)) / side.shape[0] for side in sides]
    moved = now.mean(axis=0) - before.mean(axis=0)
    of_examples = float(moved.var(ddof=1)) / clusters if clusters > 1 else 0.0
    twice = sum(unexplained(side) / side.size for side in sides) if clusters > 1 else 0.0
    of_seeds = sum(by_seed)
    variance = max(of_seeds + of_examples - twice, of_seeds, of_examples)
    below = [part**2 / (side.shape[0] - 1) for part, side in zip(by_seed, sides, strict=True)]
    below.append(of_examples**2 / max(clusters - 1, 1))
    freedom = variance**2 / sum(below) if sum(below) > 0 else float(clusters - 1)
    return Difference(
        value=float(moved.mean()), stderr=math.sqrt(variance), freedom=max(freedom, 1.0),
        method="two-way: seeds and clusters", examples=clusters, seeds=min(side.shape[0] for side in sides),
        seed_variance=max(variance - of_examples, 0.0), example_variance=min(of_examples, variance),
        unchanged=before.shape == now.shape and bool(np.array_equal(before, now)),
    )  # fmt: skip


def unexplained(values: Array) -> float:
    """Mean square of what rows and columns leave of a table, with (S - 1)(C - 1) degrees of freedom.

    >>> unexplained(np.array([[1.0, 2.0], [2.0, 3.0]])), unexplained(np.array([[1.0, 2.0], [3.0, 2.0]]))
    (0.0, 1.0)
    """
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return float(np.sum(left**2)) / ((values.shape[0] - 1) * (values.shape[1] - 1))


def of_values(before: Sequence[float], now: Sequence[float], errors: Sequence[float | None]) -> Difference:
    """The difference where outcomes of examples are not at hand: from values and their own standard errors.

    What both sides owe to the same examples does not cancel, so it is less sure than need be: for a metric that is no
    sum over examples, such as F1 or a correlation. Seeds add their spread where there are several.

    Args:
        before: A value for each seed.
        now: A value for each seed.
        errors: Standard error of every value, those of ``before`` first.

    >>> found = of_values([0.5], [0.6], [0.03, 0.04])
    >>> round(found.value, 3), round(found.stderr, 3)
    (0.1, 0.05)
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (before, now)]
    value = float(sides[1].mean() - sides[0].mean())
    known = [error for error in errors if error is not None]
    seeded = [side for side in sides if side.size > 1]
    of_seeds = sum(float(side.var(ddof=1)) / side.size for side in seeded)
    unchanged = sides[0].shape == sides[1].shape and bool(np.array_equal(sides[0], sides[1]))
    seeds = min(side.size for side in sides)
    if len(known) < len(errors) and len(seeded) < 2:
        return Difference(value, None, 1.0, "no standard error", seeds=seeds, unchanged=unchanged)
    squares = np.square([error or 0.0 for error in errors])
    of_examples = float(squares[: sides[0].size].mean() + squares[sides[0].size :].mean())
    variance = of_seeds + of_examples
    below = sum((float(side.var(ddof=1)) / side.size) ** 2 / (side.size - 1) for side in seeded)
    return Difference(
        value, math.sqrt(variance), max(variance**2 / below, 1.0) if below > 0 else math.inf,
        "standard errors of both values", seeds=seeds, seed_variance=of_seeds, example_variance=of_examples,
        unchanged=unchanged,
    )  # fmt: skip
