"""Outcomes of segments: the statistics that a score is worked out from, and how far each segment moves it.

BLEU is no mean over segments. Its pseudo-values have it as their mean, and the covariance of those of two checkpoints is, to
first order, that of their scores under other segments: what slopes allow for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.measures.measurement import Outcomes
from harness.measures.translation.metrics import Scored, corpus_metric

Array = npt.NDArray[np.float64]


def segment_outcomes(found: Scored, rows: npt.NDArray[np.int64]) -> list[Outcomes]:
    """The statistics of each segment by their names and, of two segments or more, the pseudo-values under the metric's."""
    ones = np.ones(len(rows))
    outcomes = [
        Outcomes(name, rows, rows, found.statistics[:, place], ones)
        for place, name in enumerate(found.statistic_names)
    ]  # fmt: skip
    if len(rows) > 1:
        outcomes.insert(0, Outcomes(found.metric, rows, rows, pseudo_values(found), ones))
    return outcomes


def pseudo_values(found: Scored) -> Array:
    """``N v - (N - 1) v_-i`` of each segment, ``v_-i`` the score without it, moved to have the score as their mean; ``(N,)``.

    Quenouille (1956), Tukey (1958).
    """
    count = len(found.statistics)
    without = corpus_metric(found.metric).values(found.statistics.sum(axis=0) - found.statistics)
    values = count * found.value - (count - 1) * without
    return np.asarray(values + (found.value - values.mean()))
