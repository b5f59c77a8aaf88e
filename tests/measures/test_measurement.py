"""A measurement that no record can hold is refused while it can still be told what is wrong."""

from __future__ import annotations

import math

import pytest

from harness.errors import HarnessError
from harness.measures.measurement import Measurement, Value, check_finite


def measurement(**changes) -> Measurement:
    given = {
        "value": 1.0,
        "stderr": None,
        "details": {"interval": [0.5, 1.5], "by_block": {"mlp": 0.3}, "kernel": "sdpa"},
    }
    given |= changes
    return Measurement(
        (Value("trace", given["value"], given["stderr"], "m", 3, "nats", False, given["details"]),), tokens=3
    )


def test_finite_numbers_pass():
    check_finite(measurement())
    check_finite(measurement(details=None, stderr=0.1))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"value": math.nan}, "value of trace is nan"),
        ({"stderr": math.inf}, "stderr of trace is inf"),
        ({"details": {"largest": [{"held_out": -math.inf}]}}, "details.largest.held_out of trace is -inf"),
    ],
)
def test_others_are_named(changes, place):
    with pytest.raises(HarnessError, match=place):
        check_finite(measurement(**changes))
