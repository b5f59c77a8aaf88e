"""A native slope turned so that positive is good transfer, and stated for a step of the upstream value that means something."""

from __future__ import annotations

from harness.slopes import rules
from harness.slopes.cell import Cell, Interval, Line


def upstream_step(unit: str) -> float:
    """How much upstream the transfer slope is stated for: 0.1 nat, 0.01 bits per byte, else 1.

    >>> upstream_step("nats per token"), upstream_step("bits per byte"), upstream_step("BLEU")
    (0.1, 0.01, 1.0)
    """
    if unit.startswith("nats"):
        return 0.1
    return 0.01 if unit == "bits per byte" else 1.0


def transfer_of(cell: Cell, per: float, line: Line) -> tuple[float, Interval]:
    """The native slope turned so that positive is good transfer, and scaled to ``per`` of the upstream unit."""
    scale = per * rules.direction(cell.upstream) * rules.direction(cell.downstream)
    low, high = sorted((line.interval.low * scale, line.interval.high * scale))
    return line.slope * scale, Interval(low, high, f"{line.method}, {line.interval.method}", line.interval.level)


def verdict_of(interval: Interval) -> str:
    """The sign that the interval leaves no doubt about."""
    return "positive" if interval.low > 0 else "negative" if interval.high < 0 else "undecided"
