"""The paired difference and ratio of one flatness measure between two checkpoints, on the draws that both have.

Sequences come in one hash order with the same masks, label seeds and directions, so that the draws of two checkpoints
are nested: what a sequence adds to both cancels, and the interval is that of the difference alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.results.record import Record
from harness.results.rows import Row
from harness.slopes.flatness.draws import Draws
from harness.slopes.ordinary_least_squares import Array, t_quantile


@dataclass(frozen=True, slots=True)
class Paired:
    """Two checkpoints on the draws that both have.

    Attributes:
        first: R_A, on the common draws; a record's own value may be of more.
        second: R_B.
        difference: R_A - R_B.
        stderr: Its standard error.
        low: Lower end of its interval, t with one degree of freedom less than there are documents.
        high: Upper end.
        ratio: R_A / R_B; None, as the next two, where one of them is not above zero.
        ratio_low: Lower end of its interval, from the standard error of its logarithm.
        ratio_high: Upper end.
        log_ratio_stderr: Standard error of log(R_A / R_B).
        unpaired_stderr: What ``stderr`` would be had the two been measured on draws of their own.
        draws: How many draws both have.
        clusters: Documents they are of.
    """

    first: float
    second: float
    difference: float
    stderr: float
    low: float
    high: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    log_ratio_stderr: float | None
    unpaired_stderr: float
    draws: int
    clusters: int


def paired_difference(first: Draws, second: Draws, level: float = 0.95) -> Paired:
    r"""Difference and ratio of ``R_A = sum a^A_s / sum n_s`` and ``R_B`` over the draws ``s`` that both have.

    With ``d_c = sum_{s in c} (a^A_s - R_A n_s) - (a^B_s - R_B n_s)`` over the ``S`` documents ``c``,

        ``SE(R_A - R_B)^2 = sum_c d_c^2 / (S (S - 1) nbar^2)``,

    ``nbar`` the mean number of tokens of a document, and by the delta method the same of ``log(R_A / R_B)`` with
    ``e_c = sum_{s in c} (a^A_s - R_A n_s) / R_A - (a^B_s - R_B n_s) / R_B`` in place of ``d_c``: Cochran, Sampling
    Techniques (1977), chapter 6, comparison of two ratios and ratio of two ratios that are correlated; the
    finite-population factor is left out.

    Args:
        first: Draws of A in their order.
        second: Draws of B.
        level: Coverage of the intervals.

    Raises:
        HarnessError: The common draws are not the same (other documents or token counts), or of fewer than two
            documents.

    >>> cluster, tokens = np.array([0, 1, 2, 3]), np.array([10.0, 10.0, 10.0, 10.0])
    >>> b = Draws(cluster, np.array([10.0, 30.0, 20.0, 40.0]), tokens)
    >>> a = Draws(cluster, b.term + np.array([10.0, 12.0, 8.0, 10.0]), tokens)
    >>> found = paired_difference(a, b)
    >>> round(found.difference, 6), round(found.stderr, 4), round(found.unpaired_stderr, 4), round(found.ratio, 4)
    (1.0, 0.0816, 0.9345, 1.4)
    """
    count = common(first, second)
    tokens = first.tokens[:count]
    labels, index = np.unique(first.cluster[:count], return_inverse=True)
    clusters = len(labels)
    if clusters < 2:
        raise HarnessError(
            f"the draws that both checkpoints have are of {clusters} document; a standard error needs at least two: "
            "measure both on more text"
        )
    a, b, n = (np.bincount(index, weights=w) for w in (first.term[:count], second.term[:count], tokens))
    value_a, value_b = float(a.sum() / n.sum()), float(b.sum() / n.sum())
    left_a, left_b = a - value_a * n, b - value_b * n

    def error(deviations: Array) -> float:
        return float(np.sqrt(np.sum(deviations**2) / (clusters * (clusters - 1))) / n.mean())

    quantile = t_quantile(0.5 + level / 2, clusters - 1)
    difference, stderr = value_a - value_b, error(left_a - left_b)
    positive = value_a > 0 and value_b > 0
    ratio = value_a / value_b if positive else None
    log_stderr = error(left_a / value_a - left_b / value_b) if positive else None
    width = None if log_stderr is None else math.exp(min(quantile * log_stderr, 700.0))
    return Paired(
        value_a, value_b, difference, stderr, difference - quantile * stderr, difference + quantile * stderr, ratio,
        None if ratio is None or width is None else ratio / width,
        None if ratio is None or width is None else ratio * width,
        log_stderr, math.hypot(error(left_a), error(left_b)), count, clusters,
    )  # fmt: skip


def common(first: Draws, second: Draws) -> int:
    """How many draws both have: the shorter is the beginning of the longer.

    Raises:
        HarnessError: one has none, or a draw differs.
    """
    count = min(first.tokens.size, second.tokens.size)
    if not count:
        raise HarnessError("no draws to pair: a checkpoint has none; measure it again and keep its examples/")
    alike = (first.cluster[:count] == second.cluster[:count]) & (first.tokens[:count] == second.tokens[:count])
    if not alike.all():
        s = int(np.argmin(alike))
        raise HarnessError(
            f"the draws do not match: draw {s} is of document {first.cluster[s]} with {first.tokens[s]:g} tokens for one "
            f"checkpoint and of document {second.cluster[s]} with {second.tokens[s]:g} for the other; only checkpoints "
            "that were measured on the same tokens in the same order can be paired"
        )
    return count


def compare(first: Record | Row, second: Record | Row, draws: Mapping[tuple[str, str], Draws]) -> Paired:
    """The paired difference between two records of one flatness measure.

    Args:
        first: A, such as the ``fisher_trace`` of a checkpoint.
        second: B.
        draws: By key and metric (``draws.read_draws``).

    Raises:
        HarnessError: other metrics, signatures or comparability groups; no draws kept, or others than the record's;
            or they do not match.
    """
    check_comparable(first, second)
    return paired_difference(draws_of(first, draws), draws_of(second, draws))


def check_comparable(first: Record | Row, second: Record | Row) -> None:
    """Two records may be compared.

    Raises:
        HarnessError: what differs, by name.
    """
    if (first.task, first.metric) != (second.task, second.metric):
        raise HarnessError(
            f"{first.task} {first.metric} and {second.task} {second.metric} are two measures; compare one of two checkpoints"
        )
    if first.signature != second.signature:
        raise HarnessError(
            f"{first.task} was measured under two signatures, {first.signature[:12]} and {second.signature[:12]}; see what "
            f"differs with 'harness explain {first.key[:12]} {second.key[:12]}' and measure both alike"
        )
    groups = [(record.details or {}).get("comparable_group") for record in (first, second)]
    if groups[0] != groups[1]:
        raise HarnessError(
            f"{first.metric} is comparable within one group alone, and the checkpoints are of groups {groups[0]} and "
            f"{groups[1]} (another architecture or tokenizer); compare a measure that is comparable across both, such as "
            "row_normalised_fisher across sizes, or one per byte across tokenizers"
        )


def draws_of(record: Record | Row, draws: Mapping[tuple[str, str], Draws]) -> Draws:
    """The draws that a record was made of.

    Raises:
        HarnessError: none are kept, or they give another value.
    """
    found = draws.get((record.key, record.metric))
    if found is None:
        raise HarnessError(
            f"no draws of {record.task} {record.metric} under key {record.key[:12]} in examples/: they are kept of the first "
            "metric of a measurement alone; compare that one, or measure again"
        )
    value = float(found.term.sum() / found.tokens.sum())
    if record.value is None or not math.isclose(value, record.value, rel_tol=1e-6, abs_tol=1e-12):
        raise HarnessError(
            f"the draws in examples/ give {value:g} for {record.task} {record.metric}, its record says {record.value}: "
            "they are of another measurement; measure again"
        )
    return found
