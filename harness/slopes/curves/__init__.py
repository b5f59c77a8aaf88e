"""Curves from upstream loss to a metric: a file each, all fitted by ``least_squares.py`` and chosen by ``choice.py``."""

from __future__ import annotations

from harness.slopes.curves.base import Curve
from harness.slopes.curves.broken_line import BROKEN_LINE
from harness.slopes.curves.exponential_decay import EXPONENTIAL_DECAY
from harness.slopes.curves.line import LINE
from harness.slopes.curves.link import EXPONENTIAL, LOGIT, PROBIT
from harness.slopes.curves.shifted_power import SHIFTED_POWER
from harness.slopes.curves.sigmoid import SIGMOID

MENU: tuple[Curve, ...] = (
    LINE,
    LOGIT,
    PROBIT,
    EXPONENTIAL,
    EXPONENTIAL_DECAY,
    SHIFTED_POWER,
    SIGMOID,
    BROKEN_LINE,
)
"""M0 to M6; the monotone check (M7) is ``monotone.py``, the pooled mean of families (M8) ``paule_mandel.py``."""

__all__ = ["MENU", "Curve"]
