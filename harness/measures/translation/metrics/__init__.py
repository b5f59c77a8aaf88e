"""What translations are worth by sacreBLEU's metrics: sufficient statistics of each segment, and corpus values from their sums."""

from __future__ import annotations

from harness.measures.translation.metrics.base import CorpusMetric
from harness.measures.translation.metrics.registry import METRICS, corpus_metric
from harness.measures.translation.metrics.scored import Scored, scored

__all__ = ["METRICS", "CorpusMetric", "Scored", "corpus_metric", "scored"]
