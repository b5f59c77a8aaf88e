"""Outcomes in a folder meet the fits: the error is that of a bootstrap by hand, and is withheld where it would be wrong."""

from dataclasses import replace

import numpy as np
import pytest
from example_coverage import Design, covered
from scipy.optimize import curve_fit

from harness.results.outcomes import write_shard
from harness.results.record import Record
from harness.results.store import CONTEXTS, append
from harness.slopes.arrays import fit_points
from harness.slopes.cell import Axis, Cell, ExampleErrors, Point
from harness.slopes.example_errors import example_errors, influence, with_example_errors
from harness.slopes.example_spread import Linear, averaged, of_curve, spread_of
from harness.slopes.fit import fit_cell
from harness.slopes.nested_bootstrap import nested_bootstrap
from harness.slopes.runs import Sample

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
            "metric": "correct",  # as fine-tuning keeps them
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
    by_hand = nested_bootstrap(X, sums, np.full_like(sums, 4.0), np.arange(8), ("examples",), draws=4000)
    assert not found.examples.x.any() and not found.examples.xy.any()
    assert replace(found, examples=None) == cell
    fit = fit_cell(found)
    assert fit.model == "linear" and fit.example_stderr == pytest.approx(by_hand.stderr * 0.1, rel=0.05)
    plain = fit_cell(cell)
    assert fit.transfer_slope == plain.transfer_slope and fit.interval.low <= plain.interval.low


def test_none_where_the_outcomes_do_not_give_the_value(measured) -> None:
    folder, records, cell, _ = measured
    changed = [replace(records[0], value=0.1), *records[1:]]
    assert with_example_errors([cell], changed, folder)[0].examples is None


def test_none_where_one_checkpoint_was_scored_on_other_examples(measured) -> None:
    folder, records, cell, _ = measured
    columns = {
        "metric": "correct",
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


def on_a_line(x: np.ndarray, slope: float = 0.0) -> Linear:
    """The least-squares slope of these x."""
    centred = x - x.mean()
    weights = centred / (centred @ centred)
    return Linear(weights, -slope * weights, np.column_stack([np.ones(x.size), x]), np.full(x.size, slope))


def of_outcomes(outcome: np.ndarray) -> ExampleErrors:
    """Errors of outcomes (n, E) of the metric; the upstream values have none."""
    moved = influence(outcome[:, None, :], np.ones((len(outcome), 1, outcome.shape[1])))
    return example_errors(moved, np.zeros((len(outcome), 1)), paired=False)


def test_each_runs_own_luck_is_told_from_what_all_share() -> None:
    """Outcomes that are noise alone have nothing shared; those that follow one line an example have nothing else."""
    rng = np.random.default_rng(1)
    x, run = np.linspace(2, 3, 12), np.arange(12)
    noise = (rng.random((12, 400)) < 0.5).astype(float)
    alone = [spread_of(of_outcomes(rng.permuted(noise, axis=1)), on_a_line(x), run, per_run=False) for _ in range(20)]
    assert np.mean([found.shared**2 / found.stderr**2 for found in alone]) < 0.15
    tilt = rng.normal(0, 0.3, 400)
    found = spread_of(of_outcomes(0.5 + tilt * (x - 2.5)[:, None]), on_a_line(x), run, per_run=False)
    assert found.shared == pytest.approx(found.stderr)
    assert found.stderr == pytest.approx(tilt.std() / 20)


def test_what_both_axes_share_cancels_and_what_they_do_not_adds() -> None:
    """Losses of one text with a slope of its own for each document: on themselves the slope is one, whatever the text."""
    rng = np.random.default_rng(2)
    x, tilt = np.linspace(2, 3, 8), rng.normal(0, 0.3, 60)
    moved = influence((x[:, None] * (1 + tilt))[:, None, :], np.ones((8, 1, 60)))
    run = np.arange(8)
    same = spread_of(example_errors(moved, moved, paired=True), on_a_line(x, 1.0), run, per_run=False)
    assert same.stderr == pytest.approx(0, abs=1e-9)
    apart = spread_of(example_errors(moved, moved, paired=False), on_a_line(x, 1.0), run, per_run=False)
    assert apart.stderr == pytest.approx(2**0.5 * tilt.std() / 60**0.5) and apart.shared == pytest.approx(apart.stderr)


def test_weights_of_a_curve_are_what_happens_when_values_move() -> None:
    """A little of each y, and of each x with the window as its ends: the slope moves by the weights."""
    x = np.linspace(2, 3.5, 12)
    y = 0.3 + 0.5 * np.exp(-2 * (x - 2)) + np.random.default_rng(5).normal(0, 2e-5, 12)

    def average(x: np.ndarray, y: np.ndarray, window: tuple[float, float]) -> float:
        (level, height, rate), _ = curve_fit(lambda x, a, b, c: a + b * np.exp(-c * (x - 2)), x, y, (0.3, 0.5, 2.0))
        low, high = level + height * np.exp(-rate * (np.array(window) - 2))
        return float((high - low) / (window[1] - window[0]))

    exact = fit_points(x, y, unit="nats per token", higher_is_better=False)
    assert exact.model == "exponential decay"
    linear = of_curve(exact.fitted, Sample(x, y, tuple("abcdefghijkl"), tuple("abcdefghijkl")), (2.2, 3.2))
    step, before = 1e-4, average(x, y, (2.2, 3.2))
    for i in (0, 5, 11):
        there = np.arange(12) == i
        assert (average(x, y + step * there, (2.2, 3.2)) - before) / step == pytest.approx(linear.weights[i], abs=0.02)
    for moved in (np.ones(12), x - 2):  # all losses shifted alike, and stretched: the ends of the window move along
        ends = tuple(np.interp((2.2, 3.2), x, x + step * moved))
        assert (average(x + step * moved, y, ends) - before) / step == pytest.approx(moved @ linear.x_weights, abs=0.01)
    assert np.ones(12) @ linear.x_weights == pytest.approx(0, abs=1e-3)


def test_means_of_runs_move_as_their_checkpoints_do() -> None:
    rng = np.random.default_rng(3)
    moved, run = rng.normal(size=(6, 40)), np.array([0, 0, 1, 1, 1, 2])
    means = np.array([moved[run == r].mean(axis=0) for r in range(3)])
    found = averaged(example_errors(moved, moved, paired=True), run)
    for part in (found.y, found.x, found.xy):
        assert part == pytest.approx(means @ means.T)


def test_the_interval_allows_for_it() -> None:
    """Every value moves along one line with the examples, so that none of it shows in the scatter."""
    rng = np.random.default_rng(2)
    x = np.linspace(2, 3, 8)
    points = tuple(
        Point(str(i), str(i), str(i), None, float(a), float(0.9 - 0.2 * (a - 2) + rng.normal(0, 0.004)))
        for i, a in enumerate(x)
    )
    cell = Cell("f", Axis("loss", "loss", "nats per token", False), Axis("task", "accuracy", "fraction", True), points)
    plain = fit_cell(cell)
    half = (plain.interval.high - plain.interval.low) / 2 / plain.per
    along = np.outer(x - x.mean(), x - x.mean()) * (3**0.5 * half / 1.959964) ** 2
    wider = fit_cell(replace(cell, examples=ExampleErrors(along, np.zeros((8, 8)), np.zeros((8, 8)))))
    assert wider.stderr == pytest.approx(2 * plain.stderr) and wider.transfer_slope == plain.transfer_slope
    assert wider.interval.high - wider.interval.low == pytest.approx(2 * (plain.interval.high - plain.interval.low))
    assert wider.interval.method.endswith("times 2.00 for other examples")
    assert wider.p_value > plain.p_value


@pytest.fixture
def remasked(tmp_path):
    """Six checkpoints scored on the same 40 documents under two sets of masks, and on others under one."""
    rng = np.random.default_rng(4)
    level, records = np.linspace(2, 3, 6), []
    tilt = rng.normal(0, 0.2, 40)
    contexts = []
    for task, data in (("wiki", "one"), ("again", "one"), ("books", "two")):
        masks = rng.normal(0, 0.1, 40)
        parts = {"task": {"name": task, "kind": "lm_loss", "text": {"documents": "row"}}, "data": {"score": data}}
        contexts.append({"context": task, "signature": task, "parts": parts})
        for i, true in enumerate(level):
            losses = true + (tilt + masks) * (true - 2.5)
            key = f"{task}{i}".ljust(64, "0")
            kept = {"key": key, "task": task, "metric": "nats_per_token", "unit": "nats per token", "context": task}
            records.append(record(i, float(losses.mean()), higher_is_better=False, **kept))
            columns = {"metric": "nats_per_token", "row": np.arange(40), "cluster": np.arange(40), "outcome": losses}
            write_shard(tmp_path, key, [{**columns, "weight": np.ones(40)}])
    append(tmp_path / CONTEXTS, contexts)
    value = {(r.task, r.checkpoint): r.value for r in records}
    points = tuple(Point(str(i), str(i), str(i), None, value["wiki", str(i)], value["again", str(i)]) for i in range(6))
    cell = Cell("f", *(Axis(task, "nats_per_token", "nats per token", False) for task in ("wiki", "again")), points)
    return tmp_path, records, cell


def test_the_same_documents_upstream_and_downstream_are_paired(remasked) -> None:
    folder, records, cell = remasked
    (paired,) = with_example_errors([cell], records, folder)
    assert paired.examples.x.any() and paired.examples.xy.any()
    value = {(r.task, r.checkpoint): r.value for r in records}
    points = tuple(replace(point, y=value["books", point.checkpoint]) for point in cell.points)
    books = replace(cell, downstream=replace(cell.downstream, task="books"), points=points)
    (apart,) = with_example_errors([books], records, folder)
    assert apart.examples.x == pytest.approx(paired.examples.x) and not apart.examples.xy.any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [Design(12, 4, 0.3), Design(24, 1, 0.3), Design(3, 8, 0.3, 0.3), Design(3, 8, 0.0, 0.3, paired=True)],
    ids=lambda design: design.name,
)
def test_the_slope_over_all_examples_is_held(design: Design) -> None:
    held = {way: share for way, (share, _) in covered(design, 150).items()}
    assert held["both"] >= 0.9 > held["none"]  # .95 with a Monte-Carlo error of .018


@pytest.mark.parametrize("changes", [{"partial": "the first 4 rows"}, {"task_version": 0}])
def test_a_look_at_part_of_the_data_or_an_older_version_changes_nothing(measured, changes) -> None:
    folder, records, cell, _ = measured
    (expected,) = with_example_errors([cell], records, folder)
    columns = {
        "metric": "correct",
        "row": np.arange(4),
        "cluster": np.arange(4),
        "outcome": np.ones(4),
        "weight": np.ones(4),
    }
    other = record(99, 1.0, checkpoint="0", **changes)
    write_shard(folder, other.key, [columns])
    (found,) = with_example_errors([cell], [other, *records], folder)
    assert found.examples is not None and np.array_equal(found.examples.y, expected.examples.y)
