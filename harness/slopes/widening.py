"""What an interval made of the points' scatter does not know: errors in series, and examples that all points share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from harness.slopes import diagnostics
from harness.slopes.cell import Cell, ExampleErrors
from harness.slopes.curves.choice import Candidate
from harness.slopes.curves.line import LINE
from harness.slopes.example_spread import ExampleSpread, averaged, of_curve, of_line, spread_of
from harness.slopes.headline import Headline, stretched
from harness.slopes.ordinary_least_squares import Array
from harness.slopes.straight_line import Straight

NORMAL_QUANTILE = 1.959964


def order_of(cell: Cell) -> Array:
    """Steps, or where unknown the order of upstream values."""
    return np.array([point.step if point.step is not None else -point.x for point in cell.points], dtype=np.float64)


def examples_of(cell: Cell, line: Straight) -> ExampleErrors | None:
    """The errors of what is fitted: of the points, or of the means of their runs."""
    if cell.examples is None or line.plan != "one mean per run":
        return cell.examples
    numbers = {run: number for number, run in enumerate(dict.fromkeys(point.run for point in cell.points))}
    return averaged(cell.examples, np.array([numbers[point.run] for point in cell.points], dtype=np.intp))


def example_spread(
    examples: ExampleErrors | None, picked: Candidate | None, line: Straight, window: tuple[float, float]
) -> ExampleSpread | None:
    """What other examples would do to the slope that is shown; None where their outcomes are not at hand."""
    if examples is None:
        return None
    sample = line.sample
    curved = picked is not None and picked.curve is not LINE
    linear = (
        of_curve(picked.fitted, sample, window)
        if picked and curved
        else of_line(line.least_squares, line.by_run, sample)
    )
    numbers = {run: number for number, run in enumerate(dict.fromkeys(sample.run))}
    own = np.array([numbers[run] for run in sample.run], dtype=np.intp)
    run = np.arange(own.size) if line.plan == "trajectory" else own
    return spread_of(examples, linear, run, per_run=line.by_run is not None)


def widest(headline: Headline, spread: ExampleSpread | None, line: Straight, residual: Array, order: Array) -> Headline:
    """Wider for serial errors, where the points are one run's or two's, and for other examples, where they are known.

    Half widths add in quadrature. Runs are what a standard error counts, and a run brings its seeds along: what seeds
    and each run's own luck with the examples do is in its slope already. What all runs share by being scored on the
    same examples is not, and is added.
    """
    if line.plan == "trajectory":
        factor = diagnostics.serial_factor(residual, line.sample.run, order)
        headline = stretched(headline, factor, f"times {factor:.2f} for serial errors")
    interval = headline.line.interval
    half = (interval.high - interval.low) / 2
    if spread is None:
        return headline
    factor = math.hypot(1, NORMAL_QUANTILE * spread.shared / half) if half > 0 else 1.0
    return replace(stretched(headline, factor, f"times {factor:.2f} for other examples"), example_stderr=spread.stderr)
