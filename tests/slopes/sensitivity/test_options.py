"""Signs and ranks under the options of a choice, on fits whose intervals are set by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.slopes import Fit, fit_points
from harness.slopes.cell import Interval
from harness.slopes.sensitivity.options import Flip, Option, compared, kendall_tau

X = np.linspace(2, 3, 8)


def fit(slope: float, half_width: float) -> Fit:
    """A fit with this transfer slope and interval."""
    found = fit_points(X, 0.9 - 0.1 * X + 0.001 * np.cos(9 * X))
    return replace(found, transfer_slope=slope, interval=Interval(slope - half_width, slope + half_width, "by hand"))


def options(**slopes: tuple[float, float]) -> list[Option]:
    return [Option(name, fit(*slope)) for name, slope in slopes.items()]


@pytest.mark.parametrize(
    ("slopes", "sign"),
    [
        ([(1, 0.5), (2, 0.5)], "holds"),
        ([(1, 0.5), (-1, 0.5)], "turns"),
        ([(1, 0.5), (0.1, 0.5)], "fades"),
        ([(0.1, 0.5), (-0.1, 0.5)], "undecided"),
    ],
)
def test_sign(slopes: list[tuple[float, float]], sign: str) -> None:
    (answer,), orders = compared("c", "f", "u", {("rte", "accuracy"): options(a=slopes[0], b=slopes[1])})
    assert (answer.sign, orders, answer.flips) == (sign, [], ())


def test_a_refused_option_says_nothing_about_the_sign() -> None:
    refused = Option("b", fit_points([2.0, 2.1], [0.6, 0.5]))
    (answer,), _ = compared("c", "f", "u", {("rte", "accuracy"): [*options(a=(1, 0.5), c=(2, 0.5)), refused]})
    assert refused.sign is None and answer.sign == "holds" and len(answer.options) == 3


def test_a_flip_needs_intervals_apart_under_both() -> None:
    def ranks(half_width: float) -> tuple[tuple[Flip, ...], float]:
        answers, (order,) = compared("c", "f", "u", {
            ("rte", "accuracy"): options(wiki=(1, 0.4), books=(3, half_width)),
            ("cola", "accuracy"): options(wiki=(2, 0.4), books=(2, 0.4)),
        })  # fmt: skip
        return answers[0].flips, order.tau

    assert ranks(0.4) == ((Flip("cola accuracy", "books", "wiki"),), -1.0)
    assert ranks(0.7) == ((), -1.0)


def test_one_option_is_no_choice() -> None:
    refused = Option("b", fit_points([2.0, 2.1], [0.6, 0.5]))
    assert compared("c", "f", "u", {("rte", "accuracy"): [*options(a=(1, 0.5)), refused]}) == ([], [])
    assert compared("c", "f", "u", {("rte", "accuracy"): options(a=(1, 0.5))}) == ([], [])


def test_kendall_tau_by_hand() -> None:
    assert kendall_tau([1, 2, 3, 4], [1, 2, 3, 4]) == 1 and kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau([1, 2, 3, 4], [2, 1, 3, 4]) == pytest.approx(4 / 6)
