"""How values, errors, intervals and units are written on the board."""

from __future__ import annotations

import math

from harness.slopes.cell import Axis, Fit

NONE = "–"


def decimals(width: float) -> int:
    """Digits after the point that show ``width`` with two significant ones.

    >>> decimals(0.034), decimals(12.0)
    (3, 0)
    """
    if not math.isfinite(width) or width <= 0:
        return 3
    return min(8, max(0, 1 - math.floor(math.log10(width))))


def fixed(value: float, places: int, sign: bool = False) -> str:
    """``value`` with ``places`` decimals, a true minus, and no negative zero.

    >>> fixed(-0.0001, 2), fixed(-1.5, 1), fixed(1.5, 1, sign=True)
    ('0.00', '−1.5', '+1.5')
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    text = f"{abs(value):.{places}f}"
    zero = not text.strip("0.")
    return ("−" if value < 0 and not zero else "+" if sign and not zero else "") + text


def number(value: float | None, digits: int = 4) -> str:
    """``value`` with ``digits`` significant digits.

    >>> number(2.34567), number(12345.6), number(None), number(1.5e-9)
    ('2.346', '12346', '–', '1.5e−09')
    """
    if value is None:
        return NONE
    if value == 0 or not math.isfinite(value):
        return fixed(value, 0)
    magnitude = math.floor(math.log10(abs(value)))
    if not -5 <= magnitude < 9:
        return f"{value:.{digits}g}".replace("-", "−")
    return fixed(value, max(0, digits - 1 - magnitude))


def with_error(value: float, stderr: float | None, scale: float = 1.0) -> str:
    """``value ± stderr`` to the digits that the error allows.

    >>> with_error(0.6643, 0.0284, 100), with_error(2.5, None)
    ('66.4 ± 2.8', '2.500')
    """
    if stderr is None or not math.isfinite(stderr) or stderr <= 0:
        return number(value * scale)
    places = decimals(stderr * scale)
    return f"{fixed(value * scale, places)} ± {fixed(stderr * scale, places)}"


def with_interval(value: float, low: float, high: float, scale: float = 1.0, sign: bool = False) -> str:
    """``value [low, high]`` to the digits that the interval's half-width allows.

    >>> with_interval(0.0124, 0.008, 0.0168, 100, sign=True)
    '+1.24 [0.80, 1.68]'
    """
    places = decimals((high - low) / 2 * scale)
    written = f"[{fixed(low * scale, places)}, {fixed(high * scale, places)}]"
    return f"{fixed(value * scale, places, sign)} {written}"


def scale_of(unit: str) -> float:
    """What to multiply by for showing: fractions are shown as percentages, and differences of them as points."""
    return 100.0 if unit == "fraction" else 1.0


def value_unit(unit: str) -> str:
    """The unit a value is shown in.

    >>> value_unit("fraction"), value_unit("nats per token")
    ('%', 'nats per token')
    """
    return "%" if unit == "fraction" else unit


def change_unit(unit: str) -> str:
    """The unit a difference is shown in; bare for a correlation, which has none."""
    return {"fraction": "points", "percent": "points", "correlation": ""}.get(unit, unit)


def per_unit(fit: Fit) -> str:
    """What one step upstream is: '0.1 nat', '0.01 bits per byte', '1 point'."""
    return step_of(fit.cell.upstream.unit, fit.per)


def step_of(unit: str, per: float) -> str:
    """A step of so much in a unit.

    >>> step_of("nats per token", 0.1), step_of("points", 1.0), step_of("fraction", 1.0)
    ('0.1 nat', '1 point', '100 points')
    """
    if unit == "nats per token":
        return f"{per:g} nat"
    if unit == "fraction":
        return f"{per * 100:g} points"
    if unit in ("percent", "points"):
        return f"{per:g} point{'' if per == 1 else 's'}"
    return f"{per:g} {unit}"


def slope_unit(fit: Fit) -> str:
    """The unit of a transfer slope: 'points per 0.1 nat'."""
    return f"{change_unit(fit.cell.downstream.unit)} per {per_unit(fit)}".strip()


def axis_label(axis: Axis) -> str:
    """What stands at an axis: task, metric and unit."""
    unit = value_unit(axis.unit)
    metric = axis.metric.replace("_", " ")
    if metric.endswith(axis.unit):
        return f"{axis.task}: {metric}"
    return f"{axis.task}: {metric} ({unit})"
