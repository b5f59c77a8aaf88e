"""Values, errors and layers taken are those of the records."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from board_examples import record
from probing_examples import LAYERS, PROBE, cells, probed, stderr, value

from harness.board.probing_layers import probed_tasks


def test_every_layer_has_the_value_of_the_cell_and_the_error_of_its_run() -> None:
    (probe,) = probed_tasks(*probed({"grown": 2}))
    assert (probe.task, probe.metric, probe.unit, probe.chance, probe.deep) == (
        "probe/sst2",
        "accuracy",
        "fraction",
        0.5,
        True,
    )
    assert [(one.spot.name, one.spot.loss) for one in probe.found] == [("grown-0", 4.0), ("grown-1", 3.9)]
    for place, one in enumerate(probe.found):
        assert {n: mean.value for n, mean in one.values.items()} == {n: value(place, n) for n in range(LAYERS)}
        assert {n: mean.stderr for n, mean in one.values.items()} == {n: stderr(n) for n in range(LAYERS)}
        assert one.taken == (2,)


def test_seeds_are_averaged_layer_by_layer() -> None:
    records, checkpoints, contexts, roles = probed({"grown": 1}, seeds=())
    records += [*cells("grown-0", 0, 1), *cells("grown-0", 0, 2, shift=0.02)]
    records[-1] = replace(records[-1], details={**(records[-1].details or {}), "layer": 1})
    (probe,) = probed_tasks(records, checkpoints, contexts, roles)
    (one,) = probe.found
    spread = 0.02 / math.sqrt(2)
    for layer, mean in one.values.items():
        assert mean.value == pytest.approx(value(0, layer) + 0.01) and mean.seeds == 2
        assert mean.stderr == pytest.approx(math.sqrt(stderr(layer) ** 2 + spread**2 / 2))
    assert one.taken == (1, 2)


def test_errors_are_those_of_the_same_values_alone() -> None:
    records, *rest = probed({"grown": 1})
    kept = [replace(r, value=r.value - 0.2) if r.stage == "grid" else r for r in records]  # type: ignore[operator]
    (probe,) = probed_tasks(kept, *rest)
    assert [mean.stderr for mean in probe.found[0].values.values()] == [None, None, stderr(2), None]


def test_one_layer_is_kept_and_tokens_alone_are_not() -> None:
    records, *rest = probed({"grown": 1}, seeds=())
    single = record("grown-0", PROBE, 0.7, details={"chance": 0.5, "layer": 2})
    (probe,) = probed_tasks([*records, single], *rest)
    assert {n: mean.value for n, mean in probe.found[0].values.items()} == {2: 0.7} and not probe.deep
    assert probed_tasks([*records, record("grown-0", PROBE, 0.7, details={"chance": 0.5})], *rest) == []


def test_tasks_that_no_context_calls_a_probe_are_left_alone() -> None:
    records, checkpoints, _, roles = probed({"grown": 2})
    assert probed_tasks(records, checkpoints, {}, roles) == []


def test_a_new_signature_stands_in_for_the_old() -> None:
    records, *rest = probed({"grown": 1})
    details = {"chance": 0.5, "layer": 1, "by_layer": {"0": 0.55, "1": 0.75, "2": None}}
    newer = record("grown-0", PROBE, 0.75, key="new", signature="another", details=details)
    (probe,) = probed_tasks([*records, newer], *rest)
    assert {n: mean.value for n, mean in probe.found[0].values.items()} == {0: 0.55, 1: 0.75}
    assert probe.found[0].taken == (1,)
