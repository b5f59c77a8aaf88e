"""The charts of probes hold what was measured, and no more lines than can be told apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from board_examples import LOSS, NASTY
from probing_examples import LAYERS, probed, stderr, value

from harness.board.chart_traces import traces
from harness.board.charts import Chart, Curve, Curves
from harness.board.panels import styles
from harness.board.probing_layers import probed_tasks
from harness.board.probing_panels import LINES, probing_charts


def charts_of(*given) -> list[Chart]:  # type: ignore[no-untyped-def]
    return probing_charts(probed_tasks(*given), styles(list(given[3].families)))


def lines(chart: Chart) -> list[Curve]:
    assert isinstance(chart.body, Curves)
    return [curve for curve in chart.body.curves if curve.points]


def test_a_line_for_each_checkpoint_with_its_errors_and_the_layer_taken() -> None:
    (chart,) = charts_of(*probed({"grown": 3, "pruned": 1}))
    assert chart.words == "probe/sst2: accuracy by layer, ringed where the score is taken" and chart.note == ""
    found = lines(chart)
    looks = styles(["grown", "pruned"])
    assert [curve.style for curve in found] == [looks["grown"]] * 3 + [looks["pruned"]]
    for place, curve in enumerate(found):
        assert curve.x == tuple(map(float, range(LAYERS))) and curve.ringed == (2,)
        assert curve.y == pytest.approx([100 * value(place % 3, layer) for layer in range(LAYERS)])
        assert curve.errors == pytest.approx([100 * stderr(layer) for layer in range(LAYERS)])
    assert [curve.opacity for curve in found] == pytest.approx([0.35, 0.675, 1, 1])
    assert [curve.label for curve in found] == ["", "", "grown: loss 4.00 (pale) to 3.80", "pruned: loss 4.00"]
    assert found[1].hover[2] == (
        "grown-1", "grown · run grown-run · step 100", "layer 2, where the score is taken", "accuracy 71.0 ± 3.0 %",
        "loss 3.900 nats per token on lm_loss/wiki",
    )  # fmt: skip


def test_chance_is_dashed_over_all_layers_and_layers_are_whole() -> None:
    (chart,) = charts_of(*probed({"grown": 1}))
    assert isinstance(chart.body, Curves)
    (chance,) = [curve for curve in chart.body.curves if not curve.points]
    assert (chance.x, chance.y, chance.dash, chance.label) == ((0, 3), (50, 50), "dash", "chance")
    axes = chart.body.axes
    assert (axes.x, axes.y, axes.x_step) == ("layer (0: embeddings)", "accuracy (%)", 1)


def test_twelve_of_many_are_drawn_evenly_over_the_loss_and_it_is_said() -> None:
    records, checkpoints, contexts, roles = probed({"grown": 20, "pruned": 3})
    (chart,) = charts_of(records, checkpoints, contexts, roles)
    found = lines(chart)
    assert len(found) == LINES
    assert chart.note == "Drawn are 9 of the 20 checkpoints of grown, spread evenly by upstream loss."
    names = [curve.hover[0][0] for curve in found if curve.group == "grown"]
    places = [int(name.split("-")[1]) for name in names]
    assert places[0] == 0 and places[-1] == 19 and {b - a for a, b in pairwise(places)} <= {2, 3}
    assert next(c.label for c in found if c.label) == "grown: 9 of 20, loss 4.00 (pale) to 2.10"


def test_losses_that_crowd_at_one_end_leave_the_others_their_lines() -> None:
    records, *rest = probed({"grown": 30})
    lost = {f"grown-{place}": 2 + 1e-4 * (29 - place) for place in range(2, 30)}  # all but two near 2
    moved = [
        replace(r, value=lost[r.checkpoint]) if r.task == LOSS.task and r.checkpoint in lost else r for r in records
    ]
    names = [curve.hover[0][0] for curve in lines(charts_of(moved, *rest)[0])]
    assert names[:2] == ["grown-0", "grown-1"] and names[-1] == "grown-29" and len(names) == LINES


def test_without_losses_checkpoints_follow_training() -> None:
    records, *rest = probed({"grown": 20})
    (chart,) = charts_of([r for r in records if r.task == "probe/sst2"], *rest)
    found = lines(chart)
    assert len(found) == LINES and {curve.opacity for curve in found} == {1.0}
    assert chart.note.endswith("over training where a loss is not known.")
    assert (found[0].hover[0][0], found[-1].hover[0][0], found[-1].label) == ("grown-0", "grown-19", "grown: 12 of 20")


def test_many_families_go_to_several_panels() -> None:
    charts = charts_of(*probed({f"f{n}": 5 for n in range(6)}))
    assert [len(lines(chart)) for chart in charts] == [12, 10]
    assert len({chart.name for chart in charts}) == 2 and charts[1].rest.endswith("(2)")


def test_names_are_escaped_in_the_traces() -> None:
    records, checkpoints, contexts, roles = probed({NASTY: 2})
    (chart,) = charts_of(records, checkpoints, contexts, roles)
    written = str(traces(chart))
    assert NASTY not in written and "&lt;img src=x" in written


def test_no_probes_and_probes_of_one_layer_make_no_chart() -> None:
    records, checkpoints, contexts, roles = probed({"grown": 2})
    assert charts_of([r for r in records if r.task != "probe/sst2"], checkpoints, contexts, roles) == []
    alone = [r for r in records if r.stage != "grid"]
    single = [replace(r, details={"layer": 2}) if r.task == "probe/sst2" else r for r in alone]
    assert charts_of(single, checkpoints, contexts, roles) == []
