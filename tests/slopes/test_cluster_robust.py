"""Contrasts with errors that go together in clusters: known special cases, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.slopes.cluster_robust import linear_model


def difference(y: np.ndarray, group: np.ndarray, cluster: np.ndarray):
    """The second group's mean less the first's."""
    model = linear_model(np.column_stack([np.ones(y.size), group]), y, cluster)
    return model.contrast(np.array([0.0, 1.0]))


def test_a_point_a_cluster_is_hc2_with_the_freedom_of_bell_and_mccaffrey() -> None:
    """Of a difference of means HC2 is s0²/n0 + s1²/n1; its freedom has the closed form of Imbens and Kolesár (2016)."""
    rng, n0, n1 = np.random.default_rng(0), 4, 9
    group, y = np.repeat([0.0, 1.0], [n0, n1]), rng.normal(size=n0 + n1)
    found = difference(y, group, np.arange(n0 + n1))
    one, other = y[:n0], y[n0:]
    assert found.value == pytest.approx(other.mean() - one.mean())
    assert found.stderr**2 == pytest.approx(one.var(ddof=1) / n0 + other.var(ddof=1) / n1)
    freedom = (n0 + n1) ** 2 * (n0 - 1) * (n1 - 1) / (n1**2 * (n1 - 1) + n0**2 * (n0 - 1))
    assert found.freedom == pytest.approx(freedom)


def test_clusters_of_one_size_are_as_good_as_their_means() -> None:
    rng = np.random.default_rng(1)
    run = np.repeat(np.arange(10), 3)
    group = (run >= 4).astype(float)
    y = rng.normal(size=10)[run] + 0.1 * rng.normal(size=30)
    means = np.array([y[run == r].mean() for r in range(10)])
    whole = difference(y, group, run)
    of_means = difference(means, (np.arange(10) >= 4).astype(float), np.arange(10))
    assert (whole.value, whole.stderr, whole.freedom) == pytest.approx(
        (of_means.value, of_means.stderr, of_means.freedom)
    )


@pytest.mark.slow
def test_intervals_cover_where_points_of_a_run_err_alike() -> None:
    """Four and five runs of four checkpoints at different x, most of the error shared: t(n - p) would cover far less."""
    rng = np.random.default_rng(2)
    run = np.repeat(np.arange(9), 4)
    group = (run >= 4).astype(float)
    x = np.tile([0.0, 1.0, 2.0, 3.0], 9) + 0.3 * group
    columns = np.column_stack([np.ones(36), x, group])
    hits, plain = 0, 0
    for _ in range(800):
        y = 2 * x + 0.5 * group + rng.normal(size=9)[run] + 0.3 * rng.normal(size=36)
        for clusters in (run, np.arange(36)):
            low, high = linear_model(columns, y, clusters).contrast(np.array([0.0, 0.0, 1.0])).interval()
            hits, plain = (
                (hits + (low <= 0.5 <= high), plain) if clusters is run else (hits, plain + (low <= 0.5 <= high))
            )
    assert 0.93 <= hits / 800 <= 0.98 and plain / 800 < 0.8


def test_columns_that_say_the_same_are_refused() -> None:
    with pytest.raises(HarnessError, match="do not tell 2 coefficients apart"):
        linear_model(np.ones((5, 2)), np.arange(5.0), np.arange(5))
