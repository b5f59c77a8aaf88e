"""The share of a task's words that its corpus has ever shown (target vocabulary covered; Dai et al. 2019, NAACL, 1460)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.measures.affinity.estimate import Estimate, check_texts
from harness.measures.affinity.words import words
from harness.measures.ratio import ratio_estimate

METHOD = "ratio estimator over the task's texts, the corpus given"


def vocabulary_cover(corpus: Sequence[str], task: Sequence[str]) -> Estimate:
    """Word tokens of the task that occur in the corpus over all of them, in [0, 1]; higher is closer.

    It rises with the amount of corpus that is read, so compare tasks on one corpus.

    Args:
        corpus: documents.
        task: one text a row.

    Raises:
        HarnessError: a side without a word, or a task of fewer than two texts with words.

    >>> vocabulary_cover(["the cat sat"], ["the dog", "a cat sat"]).value
    0.6
    """
    known = {word for text in corpus for word in words(text)}
    check_texts([list(known)], "the corpus")
    found = [words(text) for text in task]
    check_texts(found, "the task")
    kept = [each for each in found if each]
    covered = np.array([sum(word in known for word in each) for each in kept], dtype=np.float64)
    cover = ratio_estimate(covered, np.array([len(each) for each in kept]), np.arange(len(kept)))
    return Estimate(cover.value, cover.stderr, METHOD, len(task))
