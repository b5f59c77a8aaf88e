"""One probe: trained on the features of one layer, its penalty or learning rate chosen, and scored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measures.classifier import Example
from harness.measures.grid import HELD_OUT
from harness.measures.measurement import Measurement, Value
from harness.measures.metrics import get_metric
from harness.measures.probing.heads import Features, Trained, trained_heads
from harness.measures.probing.rows import Rows, settings
from harness.measures.probing.sources import Source
from harness.measures.scores import score, value
from harness.specs import ProbeTask


def one_probe(
    source: Source, task: ProbeTask, rows: Rows, seed: int, device: str, layer: int | None, *, stage: bool
) -> Measurement:  # fmt: skip
    """Train and score on one layer. ``stage``: the value on the held-out part is a metric too, by which layers are chosen.

    Raises:
        HarnessError: features or targets that no probe can be trained on.
    """
    before = source.tokens_read
    parts = source.parts(layer)
    targets = np.array([example.target for example in rows.train])
    heads = trained_heads(task.probe, parts.train, targets, len(task.labels or ()), seed, device)
    if parts.held_out is None:
        chosen, judged = best_head(task, heads, parts.scored, rows.scored)
    else:
        chosen, judged = best_head(task, heads, parts.held_out, rows.held_out)
    values, outcomes = score(task, chosen.predict(parts.scored), rows.scored)
    details = chosen.setting | ({} if layer is None else {"layer": layer})
    found = [replace(one, details={**(one.details or {}), **details}) for one in values]
    if rows.held_out and stage and judged is not None:
        found.append(replace(judged, metric=f"{HELD_OUT}{judged.metric}", details=details))
    warnings = () if chosen.converged else ("the linear probe stopped before its loss was least; see l2",)
    tokens = source.tokens_read - before
    return Measurement(tuple(found), tokens, outcomes=tuple(outcomes), warnings=warnings)


def best_head(
    task: ProbeTask, heads: Any, features: Features, examples: list[Example]
) -> tuple[Trained, Value | None]:  # fmt: skip
    """The head that the first metric finds best; of equals the first. One that is alone is taken whatever it scores.

    Raises:
        HarnessError: the metric is not defined on what any of them predicts.
    """
    metric, targets = get_metric(task.metrics[0]), np.array([example.target for example in examples])
    best: tuple[Trained, Value | None] | None = None
    reason: HarnessError | None = None
    for head in heads:
        try:
            judged = value(metric, head.predict(features), targets)
        except HarnessError as error:
            reason = error
            continue
        if best is None or best[1] is None or better(judged, best[1]):
            best = head, judged
        if len(settings(task)) == 1:
            return best
    if best is None:
        raise reason or HarnessError("no probe was trained")
    return best


def better(one: Value, other: Value) -> bool:
    """Whether a value is better than another of its metric."""
    return one.value > other.value if one.higher_is_better else one.value < other.value
