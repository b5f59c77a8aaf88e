"""Error of a mean over documents and shared probes: both are samples, and each product belongs to one of either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.measures.ratio import ratio_estimate, relative_half_width, t_quantile


@dataclass(frozen=True, slots=True)
class TwoWayEstimate:
    """``value`` in the unit of a product per token, with both kinds of error.

    Attributes:
        value: Sum of all products over probes and tokens.
        stderr: Of documents and probes together.
        low: Lower end of the 95 % t interval.
        high: Upper end.
        data_stderr: Of the documents, as if these probes were all there are.
        probe_stderr: Of the probes, as if these documents were all there are.
        clusters: Documents.
        probes: Shared probes.
    """

    value: float
    stderr: float
    low: float
    high: float
    data_stderr: float
    probe_stderr: float
    clusters: int
    probes: int

    @property
    def relative_half_width(self) -> float:
        """Half the interval's width over ``|value|``; infinite where the value is zero."""
        return relative_half_width(self.value, self.low, self.high)


def two_way_estimate(
    products: NDArray[np.float64], tokens: NDArray[np.int64], clusters: NDArray[np.int64]
) -> TwoWayEstimate:
    r"""Estimate ``R = sum_sk q_sk / (K sum_s n_s)`` where all ``K`` probes meet all sequences.

    With ``u_ck = q_ck - R n_c`` summed within the ``C`` documents, the variance of documents (a ratio estimator of the
    means over probes) and that of probes (over their ``K`` own ratios) each hold the variance of the interaction once,
    ``V_i = sum (u_ck - u_c. - u_.k + u_..)^2 / ((C-1) (K-1) C K nbar^2)``; their sum holds it twice. So

        ``SE^2 = V_data + V_probe - V_i``, no less than the greater of the two,

    the usual moments of a crossed design with random rows and columns (Searle, Casella and McCulloch, Variance
    Components, 1992, section 4.3). Degrees of freedom after Satterthwaite.

    Args:
        products: ``v_k' H_s v_k``, ``(N, K)``.
        tokens: Scored tokens of each sequence, ``(N,)``.
        clusters: The document of each sequence, ``(N,)``.

    Raises:
        HarnessError: Fewer than two documents or probes.

    >>> table = np.array([[1.0, 3.0], [3.0, 5.0]])  # rows differ by 2, columns by 2, and nothing else
    >>> e = two_way_estimate(table, np.array([1, 1]), np.array([0, 1]))
    >>> e.value, e.data_stderr, e.probe_stderr, round(e.stderr, 6)
    (3.0, 1.0, 1.0, 1.414214)
    """
    probes = products.shape[1]
    if probes < 2:
        raise HarnessError(f"found {probes} probe: a standard error needs at least two; give more probes")
    data = ratio_estimate(products.mean(1), tokens, clusters)
    by_probe = products.sum(0) / tokens.sum()
    data_variance, probe_variance = data.stderr**2, float(by_probe.var(ddof=1)) / probes
    both = data_variance + probe_variance - _interaction(products, tokens, clusters)
    variance = max(both, data_variance, probe_variance)
    ends = data_variance**2 / (data.clusters - 1) + probe_variance**2 / (probes - 1)
    freedom = max(1, int(variance**2 / ends)) if ends else data.clusters - 1
    stderr = float(np.sqrt(variance))
    half_width = t_quantile(freedom) * stderr
    return TwoWayEstimate(
        value=data.value, stderr=stderr, low=data.value - half_width, high=data.value + half_width,
        data_stderr=data.stderr, probe_stderr=float(np.sqrt(probe_variance)), clusters=data.clusters, probes=probes,
    )  # fmt: skip


def _interaction(products: NDArray[np.float64], tokens: NDArray[np.int64], clusters: NDArray[np.int64]) -> float:
    """Variance of the mean that neither documents nor probes account for alone."""
    _, index = np.unique(clusters, return_inverse=True)
    n = np.bincount(index, weights=tokens)
    q = np.zeros((len(n), products.shape[1]))
    np.add.at(q, index, products)
    u = q - q.mean(1).sum() / n.sum() * n[:, None]
    left = u - u.mean(1, keepdims=True) - u.mean(0) + u.mean()
    count, probes = u.shape
    return float((left**2).sum() / ((count - 1) * (probes - 1) * count * probes * n.mean() ** 2))
