"""From a metric's name to the metric: built-in, from a plug-in, or from Hugging Face ``evaluate``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

from harness.errors import HarnessError, nearest
from harness.measures.metrics.accuracy import Accuracy
from harness.measures.metrics.base import Metric
from harness.measures.metrics.f1 import F1
from harness.measures.metrics.hugging_face import HuggingFaceMetric
from harness.measures.metrics.matthews_correlation import MatthewsCorrelation
from harness.measures.metrics.pearson import Pearson
from harness.measures.metrics.spearman import Spearman
from harness.plugins import plugins

GROUP = "harness.metrics"

_BUILT_IN: dict[str, Callable[[], Metric]] = {
    "accuracy": Accuracy,
    "f1": F1,
    "f1_macro": lambda: F1(average="macro"),
    "matthews_correlation": MatthewsCorrelation,
    "pearson": Pearson,
    "spearman": Spearman,
}


def get_metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        HarnessError: There is none; the message names the nearest. Or a plug-in gives no metric.

    >>> get_metric("accuracy").unit
    'fraction'
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    if name.startswith("evaluate/"):
        return HuggingFaceMetric(name.removeprefix("evaluate/"))
    plug_ins = _plug_ins()
    if name in plug_ins:
        return _from_plug_in(plug_ins[name])
    raise HarnessError(
        f"unknown metric {name!r}; {nearest(name, metric_names())} (or evaluate/NAME for one of Hugging Face evaluate)"
    )


def metric_names() -> list[str]:
    """Names of the built-in metrics and of those that plug-ins add, sorted.

    >>> metric_names()[:3]
    ['accuracy', 'f1', 'f1_macro']
    """
    return sorted({*_BUILT_IN, *_plug_ins()})


def _plug_ins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in plugins(GROUP)}


def _from_plug_in(entry: EntryPoint) -> Metric:
    """Load an entry point: a Metric, or what makes one when called."""
    try:
        found = entry.load()
        metric = found if isinstance(found, Metric) else found()
    except Exception as error:  # whatever a stranger's module raises becomes one message
        raise HarnessError(f"metric plug-in {entry.name!r} ({entry.value}) failed to load: {error!r}") from error
    if not isinstance(metric, Metric):
        raise HarnessError(f"metric plug-in {entry.name!r} ({entry.value}) gives {type(metric).__name__}, not a Metric")
    return metric
