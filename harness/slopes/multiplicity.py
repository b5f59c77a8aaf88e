"""Many slopes or metrics asked at once: p-values adjusted so that few of the findings, or none, are false."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p: Sequence[float], *, dependent: bool = False) -> list[float]:
    """Adjusted p-values (Benjamini and Hochberg 1995; with ``dependent``, Benjamini and Yekutieli 2001).

    q_(i) = min over j >= i of p_(j) m / j, capped at one; times sum 1/k for any dependence.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    if not p:
        return []
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)
    steps = np.arange(1, values.size + 1)
    factor = float(np.sum(1 / steps)) if dependent else 1.0
    scaled = np.minimum.accumulate((values[order] * values.size * factor / steps)[::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(scaled, 1.0)
    return [float(value) for value in adjusted]


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values of Holm (1979): the chance of any false finding is kept, whatever the tests share.

    With p sorted upwards, q_(i) = max over j <= i of (m - j + 1) p_(j), capped at one.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(scaled, 1.0)
    return [float(value) for value in adjusted]
