"""What ``flatness_errors.py`` draws thousands of times, drawn a few: errors of the first kind, and power."""

from __future__ import annotations

import pytest
from flatness_errors import Row, rates


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch) -> None:
    monkeypatch.setattr("harness.slopes.flatness.freedman_lane.PERMUTATIONS", 299)


@pytest.mark.slow
@pytest.mark.parametrize("row", [Row("noisy loss", 60, 0.99), Row("curvature", 60, 0.99), Row("curvature", 15, 1.0)])
def test_what_is_not_there_is_found_in_one_of_twenty(row: Row) -> None:
    found, naive, _, answered = rates(row, 200)
    assert found <= 0.1 and answered == 200  # .05 with a Monte-Carlo error of .016
    assert row != Row("curvature", 60, 0.99) or naive > 0.1  # a loss taken for exact is not good enough there


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [Row("noisy loss", 15, 0.99, 0.7), Row("curvature", 15, 1.0, 0.7), Row("curvature", 15, 0.99, 0.7, seen=True)],
)
def test_what_is_there_is_found_as_by_one_who_knows_the_curve(row: Row) -> None:
    found, _, best, _ = rates(row, 100)
    assert found >= 0.55 and found >= best - 0.1  # .65 to .8 with a Monte-Carlo error of .045
