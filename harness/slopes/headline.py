"""The one slope to show for a cell: which estimate, with which interval, and how sure its sign is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from harness.slopes import rules
from harness.slopes.cell import Interval, Line
from harness.slopes.curves.choice import Candidate, Choice
from harness.slopes.curves.line import LINE
from harness.slopes.curves.marginal import Marginal, jackknife, profile
from harness.slopes.monotone import kendall_p
from harness.slopes.ordinary_least_squares import LeastSquares, t_quantile
from harness.slopes.runs import MeanSlope, Sample
from harness.slopes.theil_sen import TheilSen
from harness.slopes.york import York

ORDER_STATISTIC_POINTS = 5
"""From five points on the slopes' order statistics reach 95 %; at four, HC3 with t(2) covers and Theil-Sen does not."""
LEAST_SQUARES, THEIL_SEN, YORK = "ordinary least squares", "Theil-Sen", "York"
POWER = 0.8
RIVAL_PARAMETERS = 3


@dataclass(frozen=True, slots=True)
class Headline:
    """A line with the standard error that its interval stands for, its degrees of freedom and the p of its sign.

    ``example_stderr`` is what the choice of examples alone makes of it, where known.
    """

    line: Line
    stderr: float
    freedom: float
    p: float
    example_stderr: float | None = None

    @property
    def detectable(self) -> float:
        """The |slope| that would have excluded zero with 80 % power: (t_.975 + t_.80) standard errors."""
        return (t_quantile(0.975, self.freedom) + t_quantile(POWER, self.freedom)) * self.stderr


def lines_of(
    least_squares: LeastSquares,
    robust: TheilSen,
    by_run: MeanSlope | None,
    errors: York | None,
    *,
    censored: bool = False,
) -> tuple[Line, ...]:
    """Every straight line in native units; per-run slopes first where there are any, then errors in x."""
    slope, intercept = float(least_squares.slope), float(least_squares.intercept)
    lines = []
    if by_run is not None:
        interval = Interval(*by_run.interval(), by_run.method)
        lines.append(
            Line(method="mean of per-run slopes", slope=by_run.slope, intercept=by_run.intercept, interval=interval)
        )
    if errors is not None:
        interval = Interval(*errors.interval(), f"t({errors.n - 2}), errors in both and scatter")
        lines.append(Line(method=YORK, slope=errors.slope, intercept=errors.intercept, interval=interval))
    for hc3, name in ((True, "HC3 t"), (False, "t")):
        low, high = least_squares.interval(robust=hc3)
        interval = Interval(float(low), float(high), f"{name}({least_squares.n - 2})")
        lines.append(Line(method=LEAST_SQUARES, slope=slope, intercept=intercept, interval=interval, censored=censored))
    interval = Interval(float(robust.low), float(robust.high), "order statistics")
    lines.append(
        Line(method=THEIL_SEN, slope=float(robust.slope), intercept=float(robust.intercept), interval=interval,
             censored=censored)
    )  # fmt: skip
    return tuple(lines)


def straight(
    lines: Sequence[Line], sample: Sample, least_squares: LeastSquares, robust: TheilSen, by_run: MeanSlope | None,
    errors: York | None,
) -> Headline:  # fmt: skip
    """The headline of a straight line: per-run slopes, errors in x, HC3, or Theil-Sen at high leverage."""
    n = least_squares.n
    if by_run is not None:
        return with_p(lines[0], by_run.stderr, by_run.runs - 1)
    if errors is not None:
        return with_p(lines[0], errors.stderr, n - 2)
    if least_squares.leverage.max() >= rules.HIGH_LEVERAGE and n >= ORDER_STATISTIC_POINTS:
        line = next(line for line in lines if line.method == THEIL_SEN)
        return Headline(line, float(robust.stderr), n - 2, kendall_p(sample.x, sample.y))
    return with_p(lines[0], float(least_squares.stderr_hc3), n - 2)


def curved(choice: Choice, sample: Sample, window: tuple[float, float], *, per_run: bool) -> Headline:
    """The headline of a curve: its average slope over the window, with the wider of two intervals."""
    marginal = interval_of(choice.picked, sample, window, per_run=per_run)
    chord = float(choice.picked.fitted.predict(np.array(window))[0]) - marginal.slope * window[0]
    interval = Interval(marginal.low, marginal.high, marginal.method)
    line = Line(method=f"{choice.picked.curve.name} curve", slope=marginal.slope, intercept=chord, interval=interval)
    runs = choice.picked.fitted.without.shape[0]
    freedom = runs - 1 if per_run else runs - choice.picked.curve.parameters
    return with_p(line, marginal.stderr, max(freedom, 1))


def interval_of(found: Candidate, sample: Sample, window: tuple[float, float], *, per_run: bool) -> Marginal:
    """Jackknife over runs; where checkpoints stand for runs, the profile likelihood if that is wider."""
    jack = jackknife(found.fitted, window, per_run=per_run)
    if per_run or found.curve.bounded or found.curve.name in ("exponential", "broken line"):
        return jack
    likelihood = profile(found.fitted, sample.x, sample.y, window)
    return max(jack, likelihood, key=lambda m: m.high - m.low)


def stretched(headline: Headline, factor: float, why: str) -> Headline:
    """An interval so many times as wide, about the same slope."""
    if factor <= 1 + 1e-9:
        return headline
    line, old = headline.line, headline.line.interval
    low, high = line.slope - factor * (line.slope - old.low), line.slope + factor * (old.high - line.slope)
    interval = Interval(low, high, f"{old.method}, {why}", old.level)
    wider = Line(method=line.method, slope=line.slope, intercept=line.intercept, interval=interval)
    return with_p(wider, headline.stderr * factor, headline.freedom)


def widened(
    headline: Headline, choice: Choice, plain: Headline, sample: Sample, window: tuple[float, float]
) -> Headline:
    """The interval stretched over those of the curves that the data cannot tell from the one picked.

    A curve chosen by the data is not the truth: without this, intervals after the choice cover about .90. Rivals are
    the curve of least left-out error, and all of up to three parameters within one standard error of it; wider ones
    would make every interval theirs.
    """
    line = headline.line
    rivals = [c for c in choice.rivals if c is choice.tried[0] or c.curve.parameters <= RIVAL_PARAMETERS]
    ends = [line.interval.low, line.interval.high]
    for rival in rivals:
        if rival.curve is LINE:
            ends += [plain.line.interval.low, plain.line.interval.high]
        else:
            marginal = interval_of(rival, sample, window, per_run=False)
            ends += [marginal.low, marginal.high]
    low, high = min(ends), max(ends)
    width = line.interval.high - line.interval.low
    if high - low <= width * (1 + 1e-9):
        return headline
    interval = Interval(low, high, f"{line.interval.method}, widened over rivals", line.interval.level)
    stretched_line = Line(method=line.method, slope=line.slope, intercept=line.intercept, interval=interval)
    share = (high - low) / width if width > 0 else 1.0
    return with_p(stretched_line, headline.stderr * share, headline.freedom)


def with_p(line: Line, stderr: float, freedom: float) -> Headline:
    """A headline with the two-sided p of t = slope / stderr."""
    p = float(2 * stdtr(freedom, -abs(line.slope) / stderr)) if stderr > 0 else float(line.slope == 0)
    return Headline(line, stderr, freedom, p)
