"""Values, errors and intervals are written to the digits that are known."""

from __future__ import annotations

import math

import pytest
from board_examples import ACCURACY, LOSS, fit, points

from harness.board.notation import axis_label, number, per_unit, slope_unit, with_error, with_interval
from harness.slopes.cell import Axis, Cell


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-0.00123456, "−0.001235"), (math.inf, "∞"), (-math.inf, "−∞"), (1e12, "1e+12")]
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_an_infinite_interval_is_written() -> None:
    assert with_interval(1.0, -math.inf, math.inf) == "1.000 [−∞, ∞]"


def test_an_error_of_zero_hides_no_digits() -> None:
    assert with_error(0.66434, 0.0, 100) == "66.43"


def test_units_of_a_slope() -> None:
    cell = Cell("f", LOSS, ACCURACY, points("f", [2.0, 2.5, 3.0, 3.5], -0.1))
    assert (per_unit(fit(cell, -0.1)), slope_unit(fit(cell, -0.1))) == ("0.1 nat", "points per 0.1 nat")
    bits = Cell("f", Axis("lm", "bits_per_byte", "bits per byte", False), LOSS, cell.points)
    assert slope_unit(fit(bits, -0.1)) == "nats per token per 0.1 bits per byte"


def test_axis_labels_name_the_unit_once() -> None:
    assert axis_label(LOSS) == "lm_loss/wiki: nats per token"
    assert axis_label(ACCURACY) == "glue/rte: accuracy (%)"
