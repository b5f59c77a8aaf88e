"""How much data a task brings: rows, words, classes, length. The plainest guess at how well it will be learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.measures.affinity.estimate import Estimate, check_texts
from harness.measures.affinity.words import words

EXACT = "none: an exact count"


def data_size(texts: Sequence[str], label_count: int, train_rows: int | None = None) -> dict[str, Estimate]:
    """Size of the train split of a task.

    ``log_train_rows`` and ``log_words`` are natural logarithms of what one fine-tuning run sees in an epoch,
    ``mean_length`` is in words a row, with the closed-form standard error sd / sqrt(n).

    Args:
        texts: one a row, all inputs of the row together.
        label_count: number of classes; 1 for a regression.
        train_rows: how many of the rows a protocol trains on; None for all.

    Raises:
        HarnessError: no row has a word.

    >>> size = data_size(["a b", "a b c d"], label_count=2)
    >>> round(math.exp(size["log_words"].value)), size["mean_length"].value, size["mean_length"].stderr
    (6, 3.0, 1.0)
    """
    found = [words(text) for text in texts]
    check_texts(found, "the task")
    lengths = np.array([len(each) for each in found], dtype=np.float64)
    n, mean = len(lengths), float(lengths.mean())
    used = min(n, train_rows or n)
    stderr = float(lengths.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    relative = 0.0 if used == n else stderr / mean
    method = EXACT if used == n else "delta method on the mean length of the rows drawn"
    return {
        "log_train_rows": Estimate(math.log(used), 0.0, EXACT, n),
        "log_words": Estimate(math.log(used * mean), relative, method, n),
        "label_count": Estimate(float(label_count), 0.0, EXACT, n),
        "mean_length": Estimate(mean, stderr, "closed form: sd / sqrt(n)", n),
    }
