"""Planted controls: cells whose slope is known beforehand, and whether the fit found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import NONE, number, with_interval
from harness.board.panels import native_interval
from harness.results.roles import Control
from harness.slopes.cell import Fit


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A known slope beside what was recovered; ``recovered`` is None where no line was fitted."""

    task: str
    metric: str
    because: str
    family: str
    upstream: str
    unit: str
    known: str
    found: str
    method: str
    recovered: bool | None
    reason: str = ""


def control_rows(controls: Sequence[Control], fits: Sequence[Fit]) -> list[ControlRow]:
    """Each control against every fit of its task and metric; one that no fit answers still has a row."""
    rows = []
    for control in controls:
        matching = [
            f
            for f in fits
            if (f.cell.downstream.task, f.cell.downstream.metric) == (control.task, control.metric)
            and control.upstream in ("", f.cell.upstream.task, f.cell.upstream.title)
        ]
        rows += [control_row(control, fit) for fit in matching] or [unanswered(control)]
    return rows


def control_row(control: Control, fit: Fit) -> ControlRow:
    """One control against one fit, in native units dy/dx: recovered when the interval covers the known slope.

    A slope is known of what all examples and masks would give; the interval allows for these being some of them.
    """
    interval = native_interval(fit)
    down, up = fit.cell.downstream, fit.cell.upstream
    found, recovered = NONE, None
    if interval is not None and fit.slope is not None:
        found = with_interval(fit.slope, interval.low, interval.high)
        recovered = interval.low <= control.slope <= interval.high
    return ControlRow(
        task=control.task,
        metric=control.metric,
        because=control.because,
        family=fit.cell.family,
        upstream=up.task,
        unit=f"{down.unit} / {up.unit}",
        known=number(control.slope),
        found=found,
        method=interval.method if interval else "",
        recovered=recovered,
        reason=", ".join(flag.code for flag in fit.refusals),
    )


def unanswered(control: Control) -> ControlRow:
    """The row of a control that was never fitted."""
    return ControlRow(
        task=control.task, metric=control.metric, because=control.because, family=NONE, upstream=NONE, unit="",
        known=number(control.slope), found=NONE, method="", recovered=None, reason="no fit of this task and metric",
    )  # fmt: skip
