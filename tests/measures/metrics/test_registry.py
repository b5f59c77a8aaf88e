"""Metrics by name: built-in, from a plug-in, from Hugging Face evaluate."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measures.metrics import Metric, get_metric, metric_names, registry
from harness.measures.metrics.accuracy import Accuracy


def test_every_name_gives_a_metric_of_that_name() -> None:
    for name in ("accuracy", "f1", "f1_macro", "matthews_correlation", "pearson", "spearman"):
        metric = get_metric(name)
        assert isinstance(metric, Metric) and metric.name == name and name in metric_names()
        assert metric.higher_is_better and metric.unit in ("fraction", "correlation")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(HarnessError, match="unknown metric 'acuracy'; did you mean 'accuracy'"):
        get_metric("acuracy")


def test_plug_ins_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint("mine", "harness.measures.metrics.accuracy:Accuracy", registry.GROUP),
        EntryPoint("gone", "no.such.module:Thing", registry.GROUP),
        EntryPoint("other", "collections:OrderedDict", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "plugins", lambda group: entries)
    assert isinstance(get_metric("mine"), Accuracy)
    with pytest.raises(HarnessError, match="'gone' .* failed to load"):
        get_metric("gone")
    with pytest.raises(HarnessError, match="gives OrderedDict, not a Metric"):
        get_metric("other")


class Module:
    """Stands for a metric of the evaluate library."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def compute(self, predictions: list[int], references: list[int]) -> dict[str, Any]:
        right = float(np.mean(np.array(predictions) == np.array(references)))
        return {key: right if value is None else value for key, value in self.found.items()}


def loads(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> list[str]:
    import evaluate

    asked: list[str] = []

    def load(path: str, **_: Any) -> Module:
        asked.append(path)
        return Module(found)

    monkeypatch.setattr(evaluate, "load", load)
    return asked


def test_an_evaluate_metric_is_loaded_when_first_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = loads(monkeypatch, {"exact_match": None})
    metric = get_metric("evaluate/exact_match")
    assert not asked
    predictions, targets = np.random.default_rng(0).integers(0, 2, (2, 500))
    assert metric.compute(predictions, targets) == pytest.approx((predictions == targets).mean())
    error = metric.stderr(predictions, targets)
    assert error.value == pytest.approx(0.5 / np.sqrt(500), rel=0.3)
    assert error.method == "delete-group jackknife, 50"
    assert asked == ["evaluate-metric/exact_match"]


def test_one_of_several_numbers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, {"rouge1": 0.5, "rouge2": 0.25})
    assert get_metric("evaluate/rouge:rouge2").compute([1], [1]) == 0.25
    with pytest.raises(HarnessError, match="returns rouge1, rouge2; name one number: evaluate/rouge:KEY"):
        get_metric("evaluate/rouge").compute([1], [1])


def test_no_network_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import evaluate

    def refuse(path: str, **_: Any) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(evaluate, "load", refuse)
    with pytest.raises(HarnessError, match="fetched from the Hub at run time"):
        get_metric("evaluate/bleurt").compute([1], [1])


@pytest.mark.parametrize("name", ["evaluate/somebody/metric", "evaluate/../x.py", "evaluate/./here", "evaluate/"])
def test_only_official_metrics_can_be_named(name: str) -> None:
    with pytest.raises(HarnessError, match="name of an official metric"):
        get_metric(name)


def test_errors_are_lower_is_better() -> None:
    assert not get_metric("evaluate/mae").higher_is_better and get_metric("evaluate/mae").needs == "scores"
