"""One value with two sources of error: random probes, and documents that are a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.measures.ratio import RatioEstimate, t_quantile


@dataclass(frozen=True, slots=True)
class CombinedEstimate:
    """A value with its standard error, in its own unit.

    Attributes:
        value: The estimate.
        stderr: ``sqrt(probe_stderr^2 + document_stderr^2)``. The part of the noise that is due to a probe meeting a
            document stands in both, so that the sum is a little too large rather than too small.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        probe_stderr: With the documents fixed.
        document_stderr: With the probes fixed.
    """

    value: float
    stderr: float
    low: float
    high: float
    probe_stderr: float
    document_stderr: float


def combined(value: float, probe_stderr: float, freedom: float, documents: RatioEstimate) -> CombinedEstimate:
    """Add the two variances; the t quantile has Satterthwaite's degrees of freedom.

    ``(a + b)^2 / (a^2 / f + b^2 / (S - 1))`` for variances ``a`` of the probes with ``f`` of them and ``b`` of ``S`` documents:
    Satterthwaite, An Approximate Distribution of Estimates of Variance Components (1946).

    >>> documents = RatioEstimate(value=10.0, stderr=0.4, low=9.2, high=10.8, clusters=33)
    >>> whole = combined(10.0, probe_stderr=0.3, freedom=8, documents=documents)
    >>> round(whole.stderr, 6), round((whole.high - whole.low) / 2 / whole.stderr, 3)
    (0.5, 2.032)
    """
    a, b = probe_stderr**2, documents.stderr**2
    stderr = math.sqrt(a + b)
    pooled = a**2 / freedom + b**2 / (documents.clusters - 1)
    joint = max(1, int((a + b) ** 2 / pooled)) if pooled else documents.clusters - 1
    half_width = t_quantile(joint) * stderr
    return CombinedEstimate(value, stderr, value - half_width, value + half_width, probe_stderr, documents.stderr)


def standard_error(values: NDArray[np.float64]) -> float:
    """Standard error of the mean of independent values.

    >>> standard_error(np.array([1.0, 3.0]))
    1.0
    """
    return float(values.std(ddof=1) / math.sqrt(len(values)))
