"""The charts of the flatness section hold what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flatness_examples import ROLES, flat

from harness.board.charts import Bars, Curves, HeatMap
from harness.board.flatness_metrics import detailed_tasks
from harness.board.flatness_panels import flatness_charts, pooled_share
from harness.board.flatness_spots import Spot, chosen, spots
from harness.board.panels import styles
from harness.results.record import CheckpointInfo, Record

LOOKS = styles(["small", "large"])


def seen(records: list[Record], checkpoints: dict[str, CheckpointInfo]) -> list[Spot]:
    return spots(records, checkpoints, ROLES, detailed_tasks(records, ROLES))


@pytest.fixture(scope="module")
def charts():  # type: ignore[no-untyped-def]
    records, checkpoints, *_ = flat()
    return {c.name: c for c in flatness_charts(seen(records, checkpoints), ROLES.flatness, LOOKS)}


def test_one_chart_for_each_headline_measure_family_and_place(charts) -> None:  # type: ignore[no-untyped-def]
    wanted = {("flatness/sharpness", "rise of the loss against the distance")}
    wanted |= {("flatness/fisher", f"{m} against the training step") for m in ("fisher_trace", "row_normalised_fisher")}
    wanted |= {("flatness/hessian", "hessian_trace against the training step")}
    for task in ("flatness/fisher", "flatness/hessian"):
        wanted |= {(task, f"blocks of {family}, all runs together") for family in LOOKS}
        wanted |= {(task, f"layers of {family}, step 400, loss 2.398") for family in LOOKS}
    assert {(chart.lead, chart.rest) for chart in charts.values()} == wanted and len(charts) == len(wanted)


def test_a_line_for_each_run_with_its_errors_and_the_loss_on_pointing(charts) -> None:  # type: ignore[no-untyped-def]
    body = next(c.body for c in charts.values() if c.rest.startswith("fisher_trace"))
    assert isinstance(body, Curves)
    assert [c.label for c in body.curves] == ["small", "", "large", ""]
    assert body.curves[0].x == (10.0, 100.0, 400.0) and body.curves[0].style == LOOKS["small"]
    assert body.curves[0].errors == pytest.approx([0.05 * y for y in body.curves[0].y])
    assert body.axes.x_ticks and body.axes.y_ticks and body.axes.x == "training step"
    assert "loss 4.000 nats per token on the text of flatness/fisher" in body.curves[0].hover[0]


def test_blocks_are_stacked_by_step_and_places_are_those_of_the_last(charts) -> None:  # type: ignore[no-untyped-def]
    bars = next(c for c in charts.values() if c.rest == "blocks of small, all runs together").body
    assert isinstance(bars, Bars) and bars.labels == ("10", "100", "400")
    shares = {stack.name: stack.shares for stack in bars.stacks}
    assert shares["attention"] == pytest.approx((20, 40, 60))
    assert [sum(column) for column in zip(*shares.values(), strict=True)] == pytest.approx([100] * 3)
    heat = next(c for c in charts.values() if c.rest == "layers of small, step 400, loss 2.398").body
    assert isinstance(heat, HeatMap) and heat.rows == ("embedding", "layer 0", "layer 1")
    assert heat.columns == ("embedding", "attention", "mlp")
    assert heat.shares[1] == (None, pytest.approx(42), pytest.approx(24.5))
    assert heat.of == "share of the fisher trace (%)"


def test_noise_curve_with_its_parabola_and_the_ascent(charts) -> None:  # type: ignore[no-untyped-def]
    body = next(c for c in charts.values() if c.lead == "flatness/sharpness").body
    assert isinstance(body, Curves)
    of_small = [c for c in body.curves if c.group == "small"]
    parabola, noise, ascent = of_small
    assert (parabola.faint, noise.dash, ascent.dash) == (True, "solid", "dot")
    assert noise.x == (0.02, 0.05, 0.1, 0.2) and ascent.x == (0.01,)
    assert (parabola.y[0], parabola.y[-1]) == pytest.approx((noise.y[0], noise.y[-1]))  # by construction
    assert noise.label == "small, step 400, loss 2.40"
    key = [c.label for c in body.curves if not c.x]
    assert key == ["noise, measured", "worst direction found, measured", "ρ² S/2 of row normalised fisher"]


def test_rises_below_zero_are_said_and_not_drawn() -> None:
    records, checkpoints, *_ = flat()
    fallen = [replace(r, value=-0.001) if r.metric == "loss_rise_noise_0.02" else r for r in records]
    (chart,) = [
        c for c in flatness_charts(seen(fallen, checkpoints), ROLES.flatness, LOOKS) if c.name.endswith("rises")
        or "rise of the loss" in c.rest
    ]  # fmt: skip
    assert chart.note == "2 rises at or below zero have no place on a logarithmic axis."
    assert all(y > 0 for curve in chart.body.curves for y in curve.y)


def test_without_steps_the_loss_is_on_x_and_checkpoints_stand_side_by_side() -> None:
    records, checkpoints, *_ = flat()
    stepless = {i: replace(info, step=None, run=i) for i, info in checkpoints.items()}
    found = flatness_charts(seen(records, stepless), ROLES.flatness, LOOKS)
    course = next(c.body for c in found if c.rest.startswith("fisher_trace"))
    assert course.axes.x == "loss (nats per token on the text of flatness/fisher)" and not course.axes.x_ticks
    (bars,) = [c.body for c in found if c.lead == "flatness/fisher" and c.rest == "blocks of checkpoints"]
    assert len(bars.labels) == 12 and bars.labels[0] == "small small-1-10"


def test_a_negative_trace_is_drawn_on_a_plain_axis() -> None:
    records, checkpoints, *_ = flat()
    turned = [
        replace(r, value=-5.0) if (r.metric, r.checkpoint) == ("hessian_trace", "small-1-10") else r for r in records
    ]
    chart = next(
        c for c in flatness_charts(seen(turned, checkpoints), ROLES.flatness, LOOKS) if c.rest.startswith("hessian_tr")
    )
    assert chart.body.axes.y_ticks == () and min(y for c in chart.body.curves for y in c.y) == -5.0


def test_pooled_share_weighs_runs_by_their_trace() -> None:
    records, checkpoints, *_ = flat()
    spot, other = [s for s in seen(records, checkpoints) if s.family == "small" and s.step == 10]
    key = ("flatness/hessian", "hessian_trace")
    none = replace(spot.values[key], value=1e-9, details={"by_block": {"attention": 50.0}})  # a trace that is all noise
    upset = replace(spot, values={**spot.values, key: none})
    assert pooled_share([upset, other], "flatness/hessian", "attention")[0] == pytest.approx(20, abs=0.01)
    assert pooled_share([other], "flatness/hessian", "attention") == (pytest.approx(20), pytest.approx(1))


def test_the_last_step_of_the_best_run_stands_for_a_family() -> None:
    records, checkpoints, *_ = flat()
    found = [replace(s, loss=2.0) if s.name == "large-2-400" else s for s in seen(records, checkpoints)]
    assert [s.name for s in chosen(found)] == ["small-1-400", "large-2-400"]
