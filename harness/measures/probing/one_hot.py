"""The control without a model: which token stands where, a column for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from harness.measures.classifier import Example


def one_hot(examples: Sequence[Example], pooling: str, width: int, tokens: int) -> sparse.csr_array:
    """Sparse features of token ids below ``tokens``.

    ``concat``: ``(N, width * tokens)``, 1 where a token stands at a place. ``mean``: ``(N, tokens)``, the share of a
    text's tokens. ``cls`` and ``last``: ``(N, tokens)``, the first or last token.

    >>> text = Example(0, [2, 0, 2, 2], None, 0.0)
    >>> [one_hot([text], how, 2, 3).toarray().tolist()[0] for how in ("concat", "mean", "last")]
    [[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0.25, 0.0, 0.75], [0.0, 0.0, 1.0]]
    """
    rows, columns, values = [], [], []
    for number, example in enumerate(examples):
        ids = np.array({"cls": example.ids[:1], "last": example.ids[-1:]}.get(pooling, example.ids))
        if pooling == "concat":
            ids = ids[:width] + tokens * np.arange(min(width, len(ids)))
        rows.append(np.full(len(ids), number))
        columns.append(ids)
        values.append(np.full(len(ids), 1 / len(ids) if pooling == "mean" else 1.0))
    shape = (len(examples), tokens * (width if pooling == "concat" else 1))
    return sparse.coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    ).tocsr()
