"""Outcomes in a folder meet the fits: the error is that of a bootstrap by hand, and is withheld where it would be wrong."""

from dataclasses import replace

import numpy as np
import pytest

from harness.results.outcomes import write_shard
from harness.results.record import Record
from harness.slopes.cell import Axis, Cell, Point
from harness.slopes.example_errors import with_example_errors
from harness.slopes.fit import fit_cell
from harness.slopes.nested_bootstrap import nested_bootstrap

X = np.linspace(2, 3, 8)


def record(i: int, value: float, **changes) -> Record:
    fields = {
        "key": f"{i:02x}" * 32, "metric": "accuracy", "value": value, "unit": "fraction", "higher_is_better": True,
        "task": "task", "task_version": 1, "checkpoint": str(i), "signature": "s", "context": "c",
    }  # fmt: skip
    return Record(**{**fields, **changes})


@pytest.fixture
def measured(tmp_path):
    """Eight checkpoints on the same 200 examples in 50 clusters, their records and their fit."""
    rng = np.random.default_rng(0)
    hits = (rng.random((8, 200)) < (0.9 - 0.2 * (X - 2))[:, None]).astype(float)
    cluster = np.repeat(np.arange(50), 4)
    records = [record(i, float(hits[i].mean())) for i in range(8)]
    for i in range(8):
        columns = {
            "metric": "accuracy",
            "row": np.arange(200),
            "cluster": cluster,
            "outcome": hits[i],
            "weight": np.ones(200),
        }
        write_shard(tmp_path, records[i].key, [columns])
    points = tuple(Point(str(i), str(i), str(i), None, float(X[i]), records[i].value) for i in range(8))
    axes = Axis("loss", "loss", "nats per token", False), Axis("task", "accuracy", "fraction", True)
    return tmp_path, records, fit_cell(Cell("f", *axes, points)), hits


def test_the_error_is_that_of_drawing_clusters(measured) -> None:
    folder, records, fit, hits = measured
    (found,) = with_example_errors([fit], records, folder)
    sums = hits.reshape(8, 1, 50, 4).sum(axis=3)
    by_hand = nested_bootstrap(X, sums, np.full_like(sums, 4.0), np.arange(8), ("examples",))
    assert found.example_stderr == pytest.approx(by_hand.stderr * 0.1)
    assert replace(found, example_stderr=None) == fit


def test_none_where_the_outcomes_do_not_give_the_value(measured) -> None:
    folder, records, fit, _ = measured
    changed = [replace(records[0], value=0.1), *records[1:]]
    assert with_example_errors([fit], changed, folder)[0].example_stderr is None


def test_none_where_one_checkpoint_was_scored_on_other_examples(measured) -> None:
    folder, records, fit, _ = measured
    columns = {
        "metric": "accuracy",
        "row": np.arange(4),
        "cluster": np.arange(4),
        "outcome": np.ones(4),
        "weight": np.ones(4),
    }
    other = record(99, 1.0, checkpoint="0")
    write_shard(folder, other.key, [columns])
    assert with_example_errors([fit], [other, *records[1:]], folder)[0].example_stderr is None


def test_none_without_outcomes(measured, tmp_path_factory) -> None:
    _, records, fit, _ = measured
    assert with_example_errors([fit], records, tmp_path_factory.mktemp("empty")) == [fit]
