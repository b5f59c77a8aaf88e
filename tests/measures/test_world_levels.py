"""Accuracies on a world carry the best there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.data.worlds import open_world
from harness.measures.measurement import Value
from harness.measures.session import RowCache
from harness.measures.world_levels import with_levels
from harness.specs import load_task


def values(*metrics: str) -> list[Value]:
    return [Value(m, 0.5, 0.1, "m", 10, "fraction", higher_is_better=True, details={"chance": 0.25}) for m in metrics]


def session() -> Any:
    return SimpleNamespace(data=RowCache())


def test_accuracies_carry_bayes_and_majority() -> None:
    accuracy, other = with_levels(session(), load_task("synthetic/hmm_state"), values("accuracy", "f1"))
    levels = open_world("hmm", {}).levels("state", "validation")
    assert accuracy.details == {
        "chance": 0.25,
        "bayes": levels.bayes,
        "bayes_stderr": levels.bayes_stderr,
        "majority": pytest.approx(0.25),
    }
    assert other.details == {"chance": 0.25}


def test_decoded_labels_can_be_had_without_error() -> None:
    (accuracy,) = with_levels(session(), load_task("synthetic/pcfg_span_4"), values("accuracy"))
    assert accuracy.details is not None
    assert (accuracy.details["bayes"], accuracy.details["bayes_stderr"]) == (1.0, 0.0)
    assert 1 / 8 < accuracy.details["majority"] < 0.5


def test_other_data_has_no_levels() -> None:
    assert with_levels(session(), load_task("glue/sst2"), values("accuracy")) == values("accuracy")
