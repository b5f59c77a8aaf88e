"""How well a plain classifier tells documents of a corpus from texts of a task: 0.5 not at all, 1 always.

The classifier two-sample test of Lopez-Paz and Oquab 2017 (ICLR) with a logistic regression on which words are there,
scored by the area under the ROC curve on documents it was not trained on. The standard error is DeLong's (DeLong,
DeLong and Clarke-Pearson 1988, Biometrics 44, 837), clustered by document as in Obuchowski 1997 (Biometrics 53, 567).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.measures.affinity.estimate import Array, Estimate, check_texts
from harness.measures.affinity.words import words
from harness.measures.ratio import ratio_estimate

FOLDS = 5
SEED = 0
METHOD = "DeLong within folds, clustered by document"


def two_sample_auc(corpus: Sequence[str], task: Sequence[str]) -> Estimate:
    """Out-of-fold AUC, in [0, 1]; lower is closer.

    Corpus documents are cut to pieces as long as the median text of the task, since length alone would tell them apart;
    a document's pieces stay in one fold and are one cluster. As many pieces are used as the task has texts, and one of each
    document at least.

    Args:
        corpus: documents.
        task: one text a row.

    Raises:
        HarnessError: fewer than five documents with words on a side.

    >>> two_sample_auc(["rain and sea"] * 9, ["bread or cheese"] * 9).value
    1.0
    """
    rows = [found for text in task if (found := words(text))]
    documents = [found for text in corpus if (found := words(text))]
    for side, of in ((documents, "the corpus"), (rows, "the task")):
        check_texts(side, of)
        if len(side) < FOLDS:
            raise HarnessError(f"{of} has {len(side)} texts with words; {FOLDS} are needed to leave a fifth out")
    length = max(1, int(np.median([len(row) for row in rows])))
    cut, owner = pieces(documents, length, len(rows))
    texts = [*cut, *rows]
    is_task = np.arange(len(texts)) >= len(cut)
    clusters = np.concatenate([owner, len(documents) + np.arange(len(rows))])
    fold = folds_of(clusters, is_task)
    return area(out_of_fold(texts, is_task, fold), is_task, fold, clusters)


def pieces(documents: Sequence[Sequence[str]], length: int, most: int) -> tuple[list[list[str]], npt.NDArray[np.intp]]:
    """The first pieces of all documents, then their second ones and so on, and the document of each."""
    cut = [
        (start, number, list(document[start : start + length]))
        for number, document in enumerate(documents)
        for start in range(0, max(1, len(document) - length + 1), length)
    ]
    chosen = sorted(cut, key=lambda piece: piece[:2])[: max(most, len(documents))]
    return [words for _, _, words in chosen], np.array([number for _, number, _ in chosen], dtype=np.intp)


def folds_of(clusters: npt.NDArray[np.intp], is_task: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """A fold for every text; clusters stay whole, and every fold has both sides."""
    random, fold = np.random.default_rng(SEED), np.zeros(len(clusters), dtype=np.intp)
    for side in (False, True):
        own = np.unique(clusters[is_task == side])
        dealt = dict(zip(random.permutation(own).tolist(), np.arange(len(own)) % FOLDS, strict=True))
        fold[is_task == side] = [dealt[cluster] for cluster in clusters[is_task == side].tolist()]
    return fold


def out_of_fold(texts: Sequence[Sequence[str]], is_task: npt.NDArray[np.bool_], fold: npt.NDArray[np.intp]) -> Array:
    """Scores of each text by the classifier trained on the other folds: higher is more like the task."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    present = CountVectorizer(analyzer=list, binary=True).fit_transform(texts).tocsr()
    scores = np.zeros(len(texts))
    for number in range(FOLDS):
        out = fold == number
        model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(present[~out], is_task[~out])
        scores[out] = model.decision_function(present[out])
    return scores


def area(
    scores: Array, is_task: npt.NDArray[np.bool_], fold: npt.NDArray[np.intp], clusters: npt.NDArray[np.intp]
) -> Estimate:
    """Share of pairs (task text, corpus piece) of one fold in which the task's text scores higher; ties count half.

    >>> found = area(np.array([1.0, 2, 3, 2]), np.array([False, False, True, True]), np.zeros(4, int), np.arange(4))
    >>> found.value
    0.875
    """
    wins, pairs = np.zeros(len(scores)), np.zeros(len(scores), dtype=np.int64)
    for number in np.unique(fold):
        high, low = np.flatnonzero(is_task & (fold == number)), np.flatnonzero(~is_task & (fold == number))
        ahead = scores[high][:, None] - scores[low][None, :]
        won = (ahead > 0) + 0.5 * (ahead == 0)
        wins[high], wins[low], pairs[high], pairs[low] = won.sum(1), won.sum(0), len(low), len(high)
    sides = [ratio_estimate(wins[side], pairs[side], clusters[side]) for side in (is_task, ~is_task)]
    return Estimate(sides[0].value, math.hypot(*(side.stderr for side in sides)), METHOD, len(scores))
