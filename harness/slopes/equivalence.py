"""When is a slope *flat*, rather than not known? Two one-sided tests (Schuirmann 1987)."""

from __future__ import annotations

from harness.slopes.ordinary_least_squares import t_quantile


def flat(slope: float, stderr: float, freedom: float, margin: float, level: float = 0.95) -> bool:
    """Whether the (2 level - 1) interval lies inside -+ margin: then flat is a finding.

    >>> flat(0.001, 0.002, 20, 0.01), flat(0.001, 0.02, 20, 0.01)
    (True, False)
    """
    half = t_quantile(level, freedom) * stderr
    return -margin < slope - half and slope + half < margin
