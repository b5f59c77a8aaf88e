"""How strong a relation the number of checkpoints could have shown (Fisher's z)."""

from __future__ import annotations

import math

from scipy.special import ndtri


def least_partial_correlation(n: int, controls: int, power: float = 0.8, level: float = 0.95) -> float | None:
    """The |partial r| found with this power: tanh((z_level + z_power) / sqrt(n - k - 3)), k controls beside the mean.

    None where nothing is left.

    >>> round(least_partial_correlation(30, 1), 2), round(least_partial_correlation(15, 1), 2)
    (0.5, 0.69)
    """
    left = n - controls - 3
    return math.tanh((float(ndtri(0.5 + level / 2)) + float(ndtri(power))) / math.sqrt(left)) if left > 0 else None
