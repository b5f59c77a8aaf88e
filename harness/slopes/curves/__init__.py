"""Curves from upstream loss to a metric: a file each, all fitted by ``least_squares.py`` and chosen by ``choice.py``."""

from __future__ import annotations

from harness.slopes.curves.base import Curve
from harness.slopes.curves.broken_line import BROKEN_LINE
from harness.slopes.curves.exponential_decay import EXPONENTIAL_DECAY
from harness.slopes.curves.line import LINE
from harness.slopes.curves.link import EXPONENTIAL, LOGIT, PROBIT
from harness.slopes.curves.shifted_power import SHIFTED_POWER
from harness.slopes.curves.sigmoid import SIGMOID

LOSSES: tuple[Curve, ...] = (LINE, EXPONENTIAL_DECAY, SHIFTED_POWER, BROKEN_LINE)
SHARES: tuple[Curve, ...] = (LINE, LOGIT, PROBIT, EXPONENTIAL_DECAY, SIGMOID, BROKEN_LINE)
SCORES: tuple[Curve, ...] = (LINE, EXPONENTIAL, EXPONENTIAL_DECAY, SIGMOID, BROKEN_LINE)
"""M0 to M6, by what is fitted; the monotone check (M7) is ``monotone.py``, the mean of families (M8)
``paule_mandel.py``."""


def menu_of(unit: str) -> tuple[Curve, ...]:
    """The curves that are proper for a metric in this unit, the line first.

    >>> [curve.name for curve in menu_of("nats per token")]
    ['linear', 'exponential decay', 'shifted power', 'broken line']
    """
    if unit.startswith(("nats", "bits")):
        return LOSSES
    return SHARES if unit in ("fraction", "percent", "correlation") else SCORES


__all__ = ["Curve", "menu_of"]
