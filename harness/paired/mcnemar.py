"""McNemar's exact test: of the examples that one checkpoint alone has right, are more of A than of B?"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri

from harness.paired.difference import Difference, check_shapes


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], *, level: float = 0.95) -> Difference:
    """The difference of two accuracies on the same independent examples: McNemar (1947), exact.

    With ``b`` right by A alone and ``c`` by B alone of ``n``, A - B is ``(b - c) / n`` with standard error
    ``sqrt(b + c - (b - c)^2 / n) / n``; p is twice the smaller tail of a fair coin's ``b + c`` tosses. The interval is that
    of Bonett and Price (2012), who add one to ``b`` and ``c`` and two to ``n``.

    Args:
        first: ``(n,)`` whether A has an example right.
        second: ``(n,)`` of B.
        level: Coverage of the interval.

    Raises:
        HarnessError: The two are not of the same examples, or of fewer than two.

    Five by A alone, one by B alone, of twelve: p = 2 (1 + 6) / 64.

    >>> a = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    >>> b = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0], dtype=bool)
    >>> found = mcnemar(a, b)
    >>> round(found.p, 5), round(found.difference, 4), round(found.stderr, 4)
    (0.21875, 0.3333, 0.18)
    """
    check_shapes(first, second)
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    n, only_a, only_b = len(a), int(np.sum(a & ~b)), int(np.sum(b & ~a))
    unlike = only_a + only_b
    p = min(1.0, 2 * float(bdtr(min(only_a, only_b), unlike, 0.5))) if unlike else 1.0
    stderr = math.sqrt(unlike - (only_a - only_b) ** 2 / n) / n
    share_a, share_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt((share_a + share_b - (share_a - share_b) ** 2) / (n + 2))
    middle = share_a - share_b
    return Difference(
        "McNemar, exact", float(a.mean()), float(b.mean()), (only_a - only_b) / n, stderr, max(-1.0, middle - half),
        min(1.0, middle + half), p, n,
    )  # fmt: skip
