"""From the name of a metric of translations to the metric."""

from __future__ import annotations

from harness.errors import HarnessError, nearest
from harness.measures.translation.metrics.base import CorpusMetric
from harness.measures.translation.metrics.bleu import Bleu
from harness.measures.translation.metrics.chrf import Chrf
from harness.measures.translation.metrics.ter import Ter

METRICS: dict[str, CorpusMetric] = {metric.name: metric for metric in (Bleu(), Chrf(), Ter())}
"""All metrics by name, as ``TRANSLATION_METRICS`` of the specs lists them."""


def corpus_metric(name: str) -> CorpusMetric:
    """The metric of this name.

    Raises:
        HarnessError: There is none; the message names the nearest.

    >>> corpus_metric("ter").higher_is_better
    False
    """
    if name not in METRICS:
        raise HarnessError(f"unknown metric of translations {name!r}; {nearest(name, METRICS)}")
    return METRICS[name]
