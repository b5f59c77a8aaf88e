"""Which metrics of a task stand for a value before adaptation, and for another domain.

A task that adapts a model before it is scored records NAME, the value after, NAME_before, and NAME_gain, the change for
the better with the error of paired examples. Where it records
OTHER_NAME and OTHER_NAME_before too, those are the same metric in another domain, such as ``general_bleu``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

BEFORE, GAIN = "_before", "_gain"


@dataclass(frozen=True, slots=True)
class Pair:
    """A metric of a task with a value before adaptation; ``domain`` is "" for the one adapted to, ``of`` its metric there."""

    metric: str
    domain: str
    of: str


def pairs(metrics: Collection[str]) -> list[Pair]:
    """The metrics that have a value before, those of the domain adapted to first.

    >>> pairs(["bleu", "bleu_before", "general_bleu", "general_bleu_before", "chrf"])
    [Pair(metric='bleu', domain='', of='bleu'), Pair(metric='general_bleu', domain='general', of='bleu')]
    """
    paired = [metric for metric in metrics if metric + BEFORE in metrics]
    found = []
    for metric in paired:
        own = max((one for one in paired if metric.endswith("_" + one)), key=len, default=None)
        found.append(
            Pair(metric, "", metric) if own is None else Pair(metric, metric.removesuffix("_" + own), own)
        )  # fmt: skip
    return sorted(found, key=lambda pair: pair.domain != "")


def own_metrics(metrics: Sequence[str]) -> list[str]:
    """The metrics of a task that are its own result: not a value before adaptation, a gain, nor one of another domain.

    >>> own_metrics(["bleu", "bleu_before", "bleu_gain", "general_bleu", "general_bleu_before", "chrf"])
    ['bleu', 'chrf']
    >>> own_metrics(["accuracy", "day_before"])
    ['accuracy', 'day_before']
    """
    paired = pairs(metrics)
    beside = {pair.metric for pair in paired if pair.domain}
    beside |= {pair.metric + ending for pair in paired for ending in (BEFORE, GAIN)}
    return [metric for metric in metrics if metric not in beside]
