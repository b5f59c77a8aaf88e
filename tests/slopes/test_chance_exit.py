"""Where a metric leaves chance."""

import numpy as np

from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.chance_exit import chance_exit
from harness.slopes.fit import fit_cell

X = np.array([4.0, 3.6, 3.2, 2.8, 2.4, 2.0])


def test_a_lucky_floor_point_does_not_move_the_exit():
    y = np.array([0.50, 0.56, 0.50, 0.51, 0.60, 0.70])
    found = chance_exit(X, y, np.full(6, 0.01), 0.5, up=-1, down=1)
    assert (found.at, found.before) == (2.4, 2.8)


def test_order_of_the_points_does_not_matter():
    y = np.array([0.50, 0.50, 0.50, 0.51, 0.60, 0.70])
    order = np.random.default_rng(0).permutation(6)
    assert chance_exit(X[order], y[order], np.full(6, 0.01), 0.5, up=-1, down=1) == chance_exit(
        X, y, np.full(6, 0.01), 0.5, up=-1, down=1
    )


def test_an_error_leaves_chance_downwards_and_an_accuracy_upstream_is_walked_upwards():
    errors = np.array([0.5, 0.5, 0.49, 0.4, 0.3, 0.2])
    found = chance_exit(-X, errors, np.full(6, 0.01), 0.5, up=1, down=-1)
    assert (found.at, found.before) == (-2.8, -3.2)


def test_no_exit_where_all_are_above_or_the_best_is_not_or_an_error_is_unknown():
    noise = np.full(6, 0.01)
    assert chance_exit(X, np.full(6, 0.7), noise, 0.5, up=-1, down=1) is None
    assert chance_exit(X, np.full(6, 0.5), noise, 0.5, up=-1, down=1) is None
    assert chance_exit(X, np.linspace(0.5, 0.8, 6), np.array([*noise[:5], np.nan]), 0.5, up=-1, down=1) is None


def test_a_fit_tells_it_with_the_floor_points_that_were_left_out():
    y = [0.50, 0.50, 0.51, 0.60, 0.65, 0.70, 0.75, 0.80]
    points = tuple(Point(str(i), str(i), str(i), None, 4 - 0.25 * i, value, None, 0.01) for i, value in enumerate(y))
    axes = Axis("loss", "loss", "nats per token", False), Axis("task", "accuracy", "fraction", True, 0.5, 1.0)
    fit = fit_cell(Cell("f", *axes, points))
    assert len(fit.excluded) == 3
    assert (fit.chance_exit.at, fit.chance_exit.before) == (3.25, 3.5)
