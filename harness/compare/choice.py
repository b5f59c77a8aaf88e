"""Which test a metric takes: that of its statistics, of right and wrong, of means over examples, or of the two values alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from harness.compare.cells import Shared
from harness.compare.examples import Examples, Kept, lined_up
from harness.measures.translation.metrics import METRICS, CorpusMetric
from harness.paired.bootstrap import paired_bootstrap
from harness.paired.difference import Array, Difference
from harness.paired.mcnemar import mcnemar
from harness.paired.paired_t import paired_t
from harness.paired.randomisation import randomisation
from harness.results.rows import Row
from harness.slopes.example_errors import outcomes_of
from harness.slopes.join import mean_over_seeds

RESAMPLED = "approximate randomisation; interval by paired bootstrap"
VALUES = "the two standard errors"


def difference_of(cell: Shared, kept: Kept, level: float = 0.95) -> Difference:
    """A - B by the test that the metric takes."""
    corpus = METRICS.get(cell.metric)
    found = None
    if cell.paired:
        found = of_statistics(cell, corpus, kept, level) if corpus is not None else of_outcomes(cell, kept, level)
    return found or of_values(cell, level)


def of_statistics(cell: Shared, metric: CorpusMetric, kept: Kept, level: float) -> Difference | None:
    """A metric of sums of statistics; None where those of the shared segments are not at hand.

    The p-value is that of approximate randomisation, the interval that of the paired bootstrap. Of several seeds the
    jackknife's pseudo-values of segments stand for their outcomes.
    """
    names = metric.statistic_names
    measured = [[kept.get((row.key, name)) for name in names] for row in (*cell.first, *cell.second)]
    flat = [one for many in measured for one in many if one is not None]
    alike = lined_up(flat) if len(flat) == len(measured) * len(names) else None
    if alike is None:
        return None
    whole = (np.array([one.outcome.sum() for one in many if one is not None]) for many in measured)
    if not all(
        same(float(metric.values(sums)), row) for sums, row in zip(whole, (*cell.first, *cell.second), strict=True)
    ):
        return None
    clusters = np.unique(alike[0].cluster, return_inverse=True)[1]
    statistics = [by_cluster(alike[n : n + len(names)], clusters) for n in range(0, len(alike), len(names))]
    if len(statistics[0]) < 2:
        return None
    if len(statistics) == 2:
        a, b = statistics
        drawn = paired_bootstrap(a, b, metric.values, level=level)
        return replace(drawn, test=RESAMPLED, p=randomisation(a, b, metric.values).p)
    seeds = len(cell.first)
    pseudo = np.stack([pseudo_values(part, metric) for part in statistics])
    found = paired_t(pseudo[:seeds], pseudo[seeds:], level=level)
    return replace(found, test="paired t of jackknife values, seeds and segments")


def by_cluster(parts: Sequence[Examples], clusters: np.ndarray) -> Array:
    """Statistics summed within clusters, ``(C, k)``."""
    return np.stack([np.bincount(clusters, weights=part.outcome) for part in parts], axis=1)


def pseudo_values(statistics: Array, metric: CorpusMetric) -> Array:
    """``N v - (N - 1) v_without`` of each of ``N`` units: Quenouille (1956), Tukey (1958); of a mean they are its terms.

    >>> from harness.measures.translation.metrics import corpus_metric
    >>> pseudo_values(np.array([[1.0, 10.0], [4.0, 10.0]]), corpus_metric("ter")).tolist()
    [10.0, 40.0]
    """
    total, units = statistics.sum(axis=0), len(statistics)
    return np.asarray(units * metric.values(total) - (units - 1) * metric.values(total - statistics))


def of_outcomes(cell: Shared, kept: Kept, level: float) -> Difference | None:
    """A metric that is a ratio of sums over examples; None where outcomes that give its values are not at hand."""
    rows = (*cell.first, *cell.second)
    measured = [kept[name] for name in [outcomes_of(row) for row in rows] if name in kept]
    if len(measured) < len(rows) or not all(same(one.ratio, row) for one, row in zip(measured, rows, strict=True)):
        return None
    alike = lined_up(measured)
    if alike is None or len(np.unique(alike[0].cluster)) < 2:
        return None
    if len(alike) == 2 and all(right_or_wrong(one) for one in alike):
        return mcnemar(*(one.outcome.astype(bool) for one in alike), level=level)
    outcome, weight = (np.stack([getattr(one, name) for one in alike]) for name in ("outcome", "weight"))
    seeds = len(cell.first)
    found = paired_t(
        outcome[:seeds], outcome[seeds:], first_weights=weight[:seeds], second_weights=weight[seeds:],
        clusters=alike[0].cluster, level=level,
    )  # fmt: skip
    clustered = found.units < len(alike[0].row)
    return replace(
        found, test="paired t" + (", clustered" if clustered else "") + (", over seeds" if seeds > 1 else "")
    )


def right_or_wrong(one: Examples) -> bool:
    """Whether every example stands for itself, counts one and is right or wrong."""
    return bool(
        np.isin(one.outcome, (0.0, 1.0)).all()
        and (one.weight == 1).all()
        and len(np.unique(one.cluster)) == len(one.row)
    )


def same(value: float, row: Row) -> bool:
    """Whether outcomes give a record's value."""
    return math.isclose(value, row.value or 0.0, rel_tol=1e-6, abs_tol=1e-9)


def of_values(cell: Shared, level: float) -> Difference:
    """From the values and their standard errors, as if of different examples: less sure than need be."""
    first, second = mean_over_seeds(cell.first), mean_over_seeds(cell.second)  # type: ignore[arg-type]
    apart, seeds = first.value - second.value, min(len(cell.first), len(cell.second))
    if first.stderr is None or second.stderr is None:
        return Difference("none: no standard error", first.value, second.value, apart, None, None, None, None, 0, seeds)
    stderr = math.hypot(first.stderr, second.stderr)
    half = float(ndtri(0.5 + level / 2)) * stderr
    p = 2 * float(ndtr(-abs(apart) / stderr)) if stderr > 0 else float(apart == 0)
    return Difference(VALUES, first.value, second.value, apart, stderr, apart - half, apart + half, p, 0, seeds)
