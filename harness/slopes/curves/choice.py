"""Which curve: the simplest whose error on what it has not seen is within one standard error of the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.slopes.curves.base import Array, Curve, Scale
from harness.slopes.curves.least_squares import Fitted, Positions, fit, refined


@dataclass(frozen=True, slots=True)
class Candidate:
    """One curve of the menu with its left-out error (root mean square, in the metric's unit)."""

    fitted: Fitted
    error: float
    per_run: Array

    @property
    def curve(self) -> Curve:
        """The curve."""
        return self.fitted.curve


@dataclass(frozen=True, slots=True)
class Choice:
    """The curve picked, and all that were tried, best first."""

    picked: Candidate
    tried: tuple[Candidate, ...]

    @property
    def rivals(self) -> tuple[Candidate, ...]:
        """The others that the data cannot tell from the best: their left-out error is within one standard error."""
        limit = one_standard_error(self.tried[0])
        return tuple(c for c in self.tried if c is not self.picked and mean_square(c) <= limit)


def choose(
    menu: Sequence[Curve], x: Array, y: Array, run: Positions, scale: Scale, levels: int, *, bent: bool
) -> Choice:
    """Fit every curve that is proper and pick one.

    Errors are left-one-run-out, on the metric's own scale whatever the link, weighted by points. The 1-SE rule
    (Breiman et al. 1984) takes the fewest parameters within one standard error, over runs, of the best, and of
    equals the one that comes first in the menu. Where a test says that the line bends (``bent``) and a curve has the
    least error, the line is not taken.

    Args:
        menu: curves to try; the first is the line, which is always proper.
        x: (n,) upstream values.
        y: (n,) metric.
        run: (n,) number of each point's run.
        scale: the metric's range.
        levels: how many distinct x there are.
        bent: whether a test says that a straight line does not do.
    """
    tried = [
        candidate(fit(curve, x, y, run, scale), y, run)
        for curve in menu
        if levels >= curve.least_levels and y.size >= curve.least_points and curve.proper(y, scale)
    ]
    tried = sorted((c for c in tried if np.isfinite(c.error)), key=lambda c: (c.error, c.curve.parameters))
    limit = one_standard_error(tried[0])
    close = [c for c in tried if mean_square(c) <= limit]
    if bent and len(close) > 1 and close[0].curve is not menu[0]:
        close = [c for c in close if c.curve is not menu[0]]
    coarse = min(close, key=lambda c: (c.curve.parameters, menu.index(c.curve)))
    picked = candidate(refined(coarse.fitted, x, y, run), y, run)
    return Choice(picked, tuple(picked if c is coarse else c for c in tried))


def candidate(fitted: Fitted, y: Array, run: Positions) -> Candidate:
    """A curve with the mean squared error of each run left out."""
    squares = np.bincount(run, (y - fitted.left_out) ** 2)
    return Candidate(fitted, float(np.sqrt(squares.sum() / y.size)), squares * (run.max() + 1) / y.size)


def mean_square(found: Candidate) -> float:
    """Mean squared left-out error."""
    return float(found.per_run.mean())


def one_standard_error(best: Candidate) -> float:
    """The best mean squared error and one standard error, over runs."""
    runs = best.per_run.size
    spread = best.per_run.std(ddof=1) / np.sqrt(runs) if runs > 1 else 0.0
    return mean_square(best) + float(spread)
