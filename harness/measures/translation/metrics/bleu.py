"""BLEU: the geometric mean of the precisions of 1- to 4-grams, less for translations that are too short."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measures.translation.metrics.base import Array, CorpusMetric
from harness.measures.translation.metrics.languages import tokenizer_of

ORDERS = range(1, 5)


class Bleu(CorpusMetric):
    """BLEU of a corpus: Papineni et al. (2002); as sacreBLEU computes it, Post (2018).

    ``BLEU = 100 B (p_1 p_2 p_3 p_4)^(1/4)``, ``p_n = matched_n / counted_n`` over all segments and
    ``B = min(1, exp(1 - reference tokens / output tokens))``. The j-th ``p_n`` without a match is taken as
    ``1 / (2^j counted_n)``; nothing matched, or no n-gram of some order, is 0.

    Five tokens of six, all but the last right: precisions 5/5, 4/4, 3/3, 2/2 and ``B = exp(1 - 6/5)``.

    >>> statistics = np.array([5.0, 6.0, 5.0, 4.0, 3.0, 2.0, 5.0, 4.0, 3.0, 2.0])
    >>> round(float(Bleu().values(statistics)), 4), round(float(100 * np.exp(-0.2)), 4)
    (81.8731, 81.8731)
    """

    name = "bleu"
    statistic_names = (
        "bleu_output_tokens",
        "bleu_reference_tokens",
        *(f"bleu_matched_{n}" for n in ORDERS),
        *(f"bleu_counted_{n}" for n in ORDERS),
    )

    def counter(self, target_language: str) -> Any:
        """SacreBLEU's BLEU with the tokenizer of the target language."""
        from sacrebleu.metrics.bleu import BLEU

        tokenizer = tokenizer_of(target_language)
        try:
            return BLEU(tokenize=tokenizer)
        except (RuntimeError, ImportError) as error:
            raise HarnessError(
                f"BLEU in {target_language!r} takes sacreBLEU's tokenizer {tokenizer}, whose packages cannot be used "
                f"({' '.join(str(error).split())[:80]}); install them with: pip install 'transfer-harness[translation]', "
                "or score chrf alone"
            ) from None

    def values(self, sums: Array) -> Array:
        """BLEU in points."""
        output, reference, matched, counted = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:10]
        without = matched == 0
        credited = np.where(without, 0.5 ** np.cumsum(without, axis=-1), matched)
        some = counted > 0
        log_mean = np.log(credited / np.where(some, counted, 1.0)).mean(axis=-1)
        brevity = np.minimum(0.0, 1 - reference / np.where(output > 0, output, 1.0))
        defined = some.all(axis=-1) & ~without.all(axis=-1)
        return np.asarray(np.where(defined, 100 * np.exp(log_mean + brevity), 0.0))
