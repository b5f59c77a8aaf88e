"""TER: how many edits turn a translation into its reference, for each of its words."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.measures.translation.metrics.base import Array, CorpusMetric
from harness.measures.translation.metrics.languages import base_language


class Ter(CorpusMetric):
    """Translation edit rate of a corpus, lower is better: Snover et al. (2006); as sacreBLEU computes it.

    ``TER = 100 edits / reference words``; an edit inserts, deletes or replaces a word, or moves several at once. Chinese
    and Japanese have no spaces: there each of their characters is a word (``--ter-normalized --ter-asian-support``).

    Three edits in twelve words:

    >>> float(Ter().values(np.array([3.0, 12.0])))
    25.0
    """

    name = "ter"
    higher_is_better = False
    statistic_names = ("ter_edits", "ter_reference_words")

    def counter(self, target_language: str) -> Any:
        """SacreBLEU's TER."""
        from sacrebleu.metrics.ter import TER

        by_character = base_language(target_language) in ("zh", "ja")
        return TER(normalized=by_character, asian_support=by_character)

    def values(self, sums: Array) -> Array:
        """TER in points; more than 100 where it takes more edits than there are words."""
        edits, words = sums[..., 0], sums[..., 1]
        some = words > 0
        return np.asarray(np.where(some, 100 * (edits / np.where(some, words, 1.0)), np.where(edits > 0, 100.0, 0.0)))
