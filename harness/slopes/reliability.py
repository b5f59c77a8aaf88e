"""How much of the spread of x is real: reliability = 1 - mean(s_x²) / var(x) (Fuller 1987, section 1.1).

A least-squares slope is too flat by this factor. Losses over enough text have a reliability of .9999 and more; a BLEU
or an accuracy on x often has not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.slopes.ordinary_least_squares import Array

Positions = npt.NDArray[np.intp]
ENOUGH = 0.98
"""Below it the line is fitted with errors in x (York)."""


def reliability_within(x: Array, x_stderr: Array, groups: Sequence[Positions]) -> float | None:
    """Likewise of the spread within groups of points; None where an error is not known or nothing varies.

    >>> x = np.array([1.0, 2.0, 3.0, 11.0, 12.0, 13.0])
    >>> round(reliability_within(x, np.full(6, 0.1), [np.arange(3), np.arange(3, 6)]), 3)
    0.99
    """
    freedom = sum(where.size - 1 for where in groups)
    known = np.concatenate([x_stderr[where] for where in groups])
    if freedom < 1 or not np.isfinite(known).all():
        return None
    spread = sum(float(np.sum((x[where] - x[where].mean()) ** 2)) for where in groups) / freedom
    return max(0.0, 1 - float(np.mean(known**2)) / spread) if spread > 0 else None


def reliability(x: Array, x_stderr: Array) -> float | None:
    """Between 0 and 1; None where a standard error is not known (NaN) or x does not vary.

    >>> round(reliability(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.1, 0.1])), 3)
    0.99
    """
    if x.size < 2 or not np.isfinite(x_stderr).all():
        return None
    spread = float(np.var(x, ddof=1))
    return None if spread <= 0 else max(0.0, 1 - float(np.mean(x_stderr**2)) / spread)
