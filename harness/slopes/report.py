"""Fits as plain rows: one flat dict each, for tables and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from harness.slopes.cell import Fit, Flag
from harness.slopes.families import Comparison


def rows(fits: Iterable[Fit]) -> list[dict[str, Any]]:
    """One row per fit, in the order given; see ``row``."""
    return [row(fit) for fit in fits]


def row(fit: Fit) -> dict[str, Any]:
    """What is said about one cell: numbers, strings, None and lists of them, so that it can stand in JSON.

    ``transfer_slope``, ``low``, ``high`` and ``smallest_detectable`` are in ``slope_unit``, positive for good transfer;
    ``slope``, ``intercept`` and ``lines`` are native, dy/dx. ``ranked`` says whether the slope may be ranked.
    """
    cell, interval = fit.cell, fit.interval
    return {
        "family": cell.family,
        "upstream": cell.upstream.task,
        "upstream_metric": cell.upstream.metric,
        "task": cell.downstream.task,
        "metric": cell.downstream.metric,
        "status": fit.status,
        "ranked": fit.status == "ok",
        "verdict": fit.verdict,
        "model": fit.model,
        "p": fit.p_value,
        "q": fit.q_value,
        "rank": None if fit.rank is None else list(fit.rank),
        "runs": fit.n_runs,
        "points": fit.n_points,
        "levels": fit.n_levels,
        "window": None if fit.window is None else list(fit.window),
        "transfer_slope": fit.transfer_slope,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "method": None if interval is None else interval.method,
        "slope_unit": slope_unit(fit),
        "slope": fit.slope,
        "intercept": fit.intercept,
        "r2": fit.r2,
        "q2": fit.q2,
        "q2_method": fit.q2_method,
        "max_leverage": fit.max_leverage,
        "max_cook": fit.max_cook,
        "line_r2": fit.line_r2,
        "line_q2": fit.line_q2,
        "spearman": fit.spearman,
        "isotonic_r2": fit.isotonic_r2,
        "residual_sd": fit.residual_sd,
        "y_noise": fit.y_noise,
        "reliability": fit.reliability,
        "break": None if fit.broken is None else asdict(fit.broken),
        "chance_exit": None if fit.chance_exit is None else asdict(fit.chance_exit),
        "excluded": [list(pair) for pair in fit.excluded],
        "tried": [{"model": name, "left_out_error": error} for name, error in fit.tried],
        "shrunken": fit.shrunken,
        "families": None if fit.comparison is None else comparison_row(fit.comparison),
        "smallest_detectable": fit.smallest_detectable,
        "example_stderr": fit.example_stderr,
        "flags": [flag.code for flag in (*fit.refusals, *fit.flags)],
        "notes": [note(flag) for flag in (*fit.refusals, *fit.flags)],
        "lines": [
            {"method": line.method, "slope": line.slope, "low": line.interval.low, "high": line.interval.high,
             "interval": line.interval.method, "censored_points_in": line.censored}
            for line in fit.lines
        ],
    }  # fmt: skip


def comparison_row(found: Comparison) -> dict[str, Any]:
    """What is said about the families of one task, in transfer-slope units."""
    mean, slopes, intercepts = found.families, found.covariance.equal_slopes, found.covariance.equal_intercepts
    return {
        "names": list(found.names),
        "mean": mean.mean,
        "low": mean.low,
        "high": mean.high,
        "between_sd": mean.tau,
        "i2": mean.i2,
        "new_family_low": mean.predict_low,
        "new_family_high": mean.predict_high,
        "equal_slopes_f": finite(slopes.f),
        "equal_slopes_p": finite(slopes.p),
        "equal_average_slopes_f": finite(found.average.f),
        "equal_average_slopes_p": finite(found.average.p),
        "straight": found.straight,
        "equal_intercepts_f": finite(intercepts.f),
        "equal_intercepts_p": finite(intercepts.p),
    }


def finite(value: float) -> float | None:
    """A number that may stand in JSON; None for one that is none."""
    return value if math.isfinite(value) else None


def slope_unit(fit: Fit) -> str:
    """Words for the unit of the transfer slope, such as "fraction per 0.1 nats per token"."""
    per = "" if fit.per == 1 else f"{fit.per:g} "
    return f"{fit.cell.downstream.unit} per {per}{fit.cell.upstream.unit}"


def note(flag: Flag) -> str:
    """A flag on one line."""
    return f"{flag.code}: {flag.text}"
