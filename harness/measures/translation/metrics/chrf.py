"""chrF: the F-score of n-grams of characters, with recall counted twice as much as precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.measures.translation.metrics.base import Array, CorpusMetric

ORDERS = range(1, 7)
RECALL = 4
"""Weight of recall against precision: beta squared, beta = 2."""


class Chrf(CorpusMetric):
    """chrF2 of a corpus without words: Popović (2015); as sacreBLEU computes it.

    ``chrF = 100 (1 + 4) P R / (4 P + R)``, with P and R the means over n = 1..6 of ``matched_n / output_n`` and
    ``matched_n / reference_n``, over the orders that both sides have.

    "ab" for "abc", orders 1 and 2: P = 1, R = (2/3 + 1/2) / 2.

    >>> statistics = np.array([2.0, 3.0, 2.0, 1.0, 2.0, 1.0, *[0.0] * 12])
    >>> round(float(Chrf().values(statistics)), 4), round(100 * 5 * 7 / 12 / (4 + 7 / 12), 4)
    (63.6364, 63.6364)
    """

    name = "chrf"
    statistic_names = tuple(f"chrf_{what}_{n}" for n in ORDERS for what in ("output", "reference", "matched"))

    def counter(self, target_language: str) -> Any:
        """SacreBLEU's chrF; every language is alike to it."""
        from sacrebleu.metrics.chrf import CHRF

        return CHRF()

    def values(self, sums: Array) -> Array:
        """ChrF in points."""
        output, reference, matched = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
        both = (output > 0) & (reference > 0)
        orders = np.maximum(both.sum(axis=-1), 1)
        precision = np.where(both, matched / np.where(both, output, 1.0), 0.0).sum(axis=-1) / orders
        recall = np.where(both, matched / np.where(both, reference, 1.0), 0.0).sum(axis=-1) / orders
        weighed = RECALL * precision + recall
        return np.asarray(100 * (1 + RECALL) * precision * recall / np.where(weighed > 0, weighed, 1.0))
