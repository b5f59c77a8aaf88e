"""Many slopes asked at once: p-values adjusted so that a share of the findings at most is false."""

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
