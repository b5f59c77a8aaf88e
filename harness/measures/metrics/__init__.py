"""Metrics of a downstream task: what a list of predictions is worth, with its standard error."""

from __future__ import annotations

from harness.measures.metrics.base import Metric, StandardError, UndefinedMetricError
from harness.measures.metrics.registry import get_metric, metric_names

__all__ = ["Metric", "StandardError", "UndefinedMetricError", "get_metric", "metric_names"]
