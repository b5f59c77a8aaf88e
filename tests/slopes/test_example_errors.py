"""Outcomes in a folder meet the fits: the error is that of a bootstrap by hand, and is withheld where it would be wrong."""

from dataclasses import replace

import numpy as np
import pytest
from example_coverage import Design, covered

from harness.results.outcomes import write_shard
from harness.results.record import Record
from harness.slopes.cell import Axis, Cell, ExampleErrors, Point
from harness.slopes.example_errors import example_errors, with_example_errors
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
    return tmp_path, records, Cell("f", *axes, points), hits


def test_the_error_is_that_of_drawing_clusters(measured) -> None:
    folder, records, cell, hits = measured
    (found,) = with_example_errors([cell], records, folder)
    sums = hits.reshape(8, 1, 50, 4).sum(axis=3)
    by_hand = nested_bootstrap(X, sums, np.full_like(sums, 4.0), np.arange(8), ("examples",))
    assert found.examples.stderr == pytest.approx(by_hand.stderr) and found.examples.shared < found.examples.stderr
    assert replace(found, examples=None) == cell
    fit = fit_cell(found)
    assert fit.example_stderr == pytest.approx(by_hand.stderr * 0.1)
    assert fit.interval == fit_cell(cell).interval  # eight runs: beside the interval, not in it


def test_none_where_the_outcomes_do_not_give_the_value(measured) -> None:
    folder, records, cell, _ = measured
    changed = [replace(records[0], value=0.1), *records[1:]]
    assert with_example_errors([cell], changed, folder)[0].examples is None


def test_none_where_one_checkpoint_was_scored_on_other_examples(measured) -> None:
    folder, records, cell, _ = measured
    columns = {
        "metric": "accuracy",
        "row": np.arange(4),
        "cluster": np.arange(4),
        "outcome": np.ones(4),
        "weight": np.ones(4),
    }
    other = record(99, 1.0, checkpoint="0")
    write_shard(folder, other.key, [columns])
    assert with_example_errors([cell], [other, *records[1:]], folder)[0].examples is None


def test_none_without_outcomes_and_where_no_line_may_be_fitted(measured, tmp_path_factory) -> None:
    folder, records, cell, _ = measured
    assert with_example_errors([cell], records, tmp_path_factory.mktemp("empty")) == [cell]
    few = replace(cell, points=cell.points[:3])
    assert with_example_errors([few], records, folder) == [few]


def test_each_runs_own_luck_is_told_from_what_all_share() -> None:
    """Outcomes that are noise alone have nothing shared; those that follow one line an example have nothing else."""
    rng = np.random.default_rng(1)
    x, ones = np.linspace(2, 3, 12), np.ones((12, 1, 400))
    noise = (rng.random((12, 1, 400)) < 0.5).astype(float)
    alone = [example_errors(x, rng.permuted(noise, axis=2), ones, np.arange(12)) for _ in range(20)]
    assert np.mean([found.shared**2 / found.stderr**2 for found in alone]) < 0.15
    tilt = rng.normal(0, 0.3, 400)
    lines = 0.5 + tilt * (x - 2.5)[:, None]
    found = example_errors(x, lines[:, None, :], ones, np.arange(12))
    assert found.shared == pytest.approx(found.stderr)
    assert found.stderr == pytest.approx(tilt.std() / 20, rel=0.1)


def test_from_ten_runs_on_the_interval_allows_for_it() -> None:
    rng = np.random.default_rng(2)
    x = np.linspace(2, 3, 12)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(0.9 - 0.2 * (a - 2) + rng.normal(0, 0.004)))
        for i, a in enumerate(x)
    )
    cell = Cell("f", Axis("loss", "loss", "nats per token", False), Axis("task", "accuracy", "fraction", True), points)
    plain = fit_cell(cell)
    wider = fit_cell(replace(cell, examples=ExampleErrors(2 * plain.stderr, 3**0.5 * plain.stderr)))
    assert wider.stderr == pytest.approx(2 * plain.stderr) and wider.transfer_slope == plain.transfer_slope
    assert wider.interval.high - wider.interval.low == pytest.approx(2 * (plain.interval.high - plain.interval.low))
    assert wider.interval.method.endswith("times 2.00 for other test examples")
    assert wider.p_value > plain.p_value


@pytest.mark.slow
@pytest.mark.parametrize("design", [Design(12, 4, 0.3), Design(24, 1, 0.3)], ids=lambda design: design.name)
def test_the_slope_over_all_examples_is_held(design: Design) -> None:
    found = covered(design, 150)
    assert found["with"] >= 0.9 > found["without"]  # .95 with a Monte-Carlo error of .018
