"""Chance levels of well-known tasks, for published tables that do not say them: ``floors.yaml``, with sources."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from harness.results import metric_names

ENDINGS = ("validation", "val", "test", "dev", "accuracy", "acc")
RATES = frozenset(["accuracy", "acc", "error", "err", "exact"])


@dataclass(frozen=True, slots=True)
class Floor:
    """The accuracy that takes no learning, and how many items the usual split has."""

    chance: float
    items: int | None
    source: str

    def of(self, unit: str, higher_is_better: bool) -> float:
        """The floor of the metric: of an error it is one minus that of the accuracy."""
        value = self.chance if higher_is_better else 1 - self.chance
        return 100 * value if unit == "percent" else value


UNRELATED = Floor(0.0, None, "predictions that have nothing to do with the targets correlate by 0")


@cache
def table() -> dict[str, Floor]:
    """Every known name to its floor."""
    entries = yaml.safe_load(Path(__file__).with_name("floors.yaml").read_text(encoding="utf-8"))
    return {
        name: Floor(entry["chance"], entry.get("items"), entry["source"])
        for entry in entries
        for name in entry["names"]
    }


def floor_of(task: str) -> Floor | None:
    """The floor of a task by its published name.

    >>> floor_of("CoLA").chance, floor_of("hellaswag_val").chance, floor_of("glue/rte").items, floor_of("poetry")
    (0.691275, 0.25, 277, None)
    """
    name = re.sub(r"[^a-z0-9]", "", task.lower().rsplit("/", 1)[-1])
    while True:
        if name in table():
            return table()[name]
        ending = next((end for end in ENDINGS if name.endswith(end) and len(name) > len(end)), None)
        if ending is None:
            return None
        name = name.removesuffix(ending)


def floor_of_metric(task: str, metric: str) -> Floor | None:
    """The floor of a metric of a task: known for accuracies of well-known tasks, and 0 for every correlation.

    >>> floor_of_metric("rte", "accuracy").chance, floor_of_metric("any", "pearson").chance, floor_of_metric("rte", "f1")
    (0.527076, 0.0, None)
    """
    if set(metric_names.words(metric)) & metric_names.CORRELATIONS:
        return UNRELATED
    return floor_of(task) if is_accuracy(metric) else None


def is_accuracy(metric: str) -> bool:
    """Whether a metric counts right or wrong items.

    >>> is_accuracy("acc_norm"), is_accuracy("error"), is_accuracy("f1"), is_accuracy("loss")
    (True, True, False, False)
    """
    return bool(set(metric_names.words(metric)) & RATES)


def binomial(value: float, items: int | None, unit: str) -> float | None:
    """Standard error of a share of so many items; None where their number is unknown.

    >>> binomial(0.5, 100, "fraction"), binomial(50.0, 100, "percent"), binomial(0.5, None, "fraction")
    (0.05, 5.0, None)
    """
    if items is None or unit not in ("fraction", "percent"):
        return None
    whole = 100.0 if unit == "percent" else 1.0
    share = value / whole
    return whole * math.sqrt(share * (1 - share) / items) if 0 <= share <= 1 else None
