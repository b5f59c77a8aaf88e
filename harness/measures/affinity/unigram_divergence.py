r"""Jensen-Shannon divergence between the words of a corpus and those of a task, in bits.

JS(P, Q) = KL(P || M) / 2 + KL(Q || M) / 2 with M = (P + Q) / 2 and logarithms to base 2: 0 for equal distributions, 1
where no word is shared. Lin 1991 (IEEE Transactions on Information Theory 37, 145); as a measure between domains, Dai et
al. 2019 (NAACL, 1460).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from harness.measures.affinity.estimate import Estimate, check_texts
from harness.measures.affinity.words import words
from harness.measures.ratio import RatioEstimate, ratio_estimate

METHOD = "infinitesimal jackknife over documents"


def unigram_divergence(corpus: Sequence[str], task: Sequence[str]) -> Estimate:
    """Divergence of the word frequencies, in bits, in [0, 1]; lower is closer.

    The derivative of JS by the frequency of word w in P is log2(p_w / m_w) / 2, and JS is the sum of the means of
    that term over the words of either side: two ratios of sums over documents, whose variances add. Estimated from
    counts it is too high by about the number of distinct words over the number of words; compare like amounts of text.

    Args:
        corpus: documents.
        task: one text a row.

    Raises:
        HarnessError: a side without a word, or of fewer than two documents.

    >>> round(unigram_divergence(["a a", "b b"], ["b b", "c c"]).value, 6)
    0.5
    """
    sides = [[Counter(words(text)) for text in texts] for texts in (corpus, task)]
    for counted, of in zip(sides, ("the corpus", "the task"), strict=True):
        check_texts([list(counts) for counts in counted], of)
    p, q = (frequencies(counted) for counted in sides)
    parts = [share(counted, own, other) for counted, own, other in zip(sides, (p, q), (q, p), strict=True)]
    stderr = math.hypot(*(part.stderr for part in parts))
    return Estimate(min(max(sum(part.value for part in parts), 0.0), 1.0), stderr, METHOD, len(task))


def frequencies(counted: Sequence[Counter[str]]) -> dict[str, float]:
    """The share of each word among all words."""
    total: Counter[str] = Counter()
    for counts in counted:
        total.update(counts)
    size = total.total()
    return {word: count / size for word, count in total.items()}


def share(counted: Sequence[Counter[str]], own: dict[str, float], other: dict[str, float]) -> RatioEstimate:
    """One side's half, KL(own || mean) / 2, as a ratio over its documents."""
    score = {word: 0.5 * math.log2(2 * p / (p + other.get(word, 0.0))) for word, p in own.items()}
    kept = [counts for counts in counted if counts]
    terms = np.array([sum(n * score[word] for word, n in counts.items()) for counts in kept])
    sizes = np.array([counts.total() for counts in kept])
    return ratio_estimate(terms, sizes, np.arange(len(kept)))
