"""Which documents of a corpus to train on for the sake of a text aimed at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.makers.words import ngrams_of, words_of
from harness.specs.makers.text import Select

BUCKETS = 10_000
SMALLEST = 1e-8
"""Added to every share, so that a bucket without a word has a logarithm."""
Array = NDArray[np.float64]


def kept_documents(
    documents: Sequence[str], select: Select, towards: Sequence[str] | None, offline: bool = False
) -> NDArray[np.bool_]:
    """Whether each document is kept: ``(D,)``.

    Args:
        documents: of the corpus.
        select: how.
        towards: texts aimed at; None where a checkpoint judges.
        offline: take the checkpoint from the cache alone.

    Raises:
        HarnessError: the texts aimed at have no words, or the checkpoint is not causal.
    """
    if towards is not None and not any(len(words_of(text)) for text in towards):
        raise HarnessError("select towards: the text aimed at has no words")
    count = max(1, round(select.keep * len(documents)))
    if select.method == "ngram_importance":
        assert towards is not None
        noise = np.random.default_rng(select.seed).gumbel(size=len(documents))
        order = np.argsort(-(importance(documents, towards) + noise), kind="stable")
        return chosen(order[:count], len(documents))
    judged = (
        judged_by(documents, select.reference, offline) if select.reference else bigram_nats(documents, towards or ())
    )
    order = np.argsort(judged, kind="stable")
    first = 0 if select.band == "lowest" else (len(documents) - count) // 2
    return chosen(order[first : first + count], len(documents))


def chosen(places: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """True at some places."""
    kept = np.zeros(count, dtype=bool)
    kept[places] = True
    return kept


def buckets(text: str) -> NDArray[np.uint16]:
    """The bucket of each word and pair of words of a text, hashed: ``(W + W - 1,)``."""
    words = words_of(text)
    grams = np.concatenate([ngrams_of(words, 1), ngrams_of(words, 2)])
    return (grams % np.uint64(BUCKETS)).astype(np.uint16)


def frequencies(texts: Iterable[NDArray[np.uint16]]) -> NDArray[np.int64]:
    """How often each bucket stands in some texts: ``(10000,)``."""
    total = np.zeros(BUCKETS, dtype=np.int64)
    for text in texts:
        total += np.bincount(text, minlength=BUCKETS)
    return total


def importance(documents: Sequence[str], towards: Sequence[str]) -> Array:
    r"""Log importance weight of each document: ``(D,)``.

    :math:`\log w = \sum_b c_b \left(\log p_b - \log q_b\right)` with counts :math:`c` of the document's buckets, and
    shares of the buckets in the text aimed at (:math:`p`) and in the corpus (:math:`q`). The documents of largest
    :math:`\log w` plus Gumbel noise are a draw without replacement in proportion to :math:`w` (Xie, Santurkar, Ma and Liang
    2023, Data selection for language models via importance resampling, arXiv 2302.03169).
    """
    read = [buckets(text) for text in documents]  # and not their counts, which are 10,000 numbers a document
    raw, aim = frequencies(read), frequencies(map(buckets, towards))
    ratio = np.log(aim / aim.sum() + SMALLEST) - np.log(raw / max(raw.sum(), 1) + SMALLEST)
    return np.array([float(frequencies([text]) @ ratio) for text in read])


def bigram_nats(documents: Sequence[str], towards: Sequence[str]) -> Array:
    r"""Nats per word of each document under a model of pairs of words, trained on the text aimed at: ``(D,)``.

    :math:`p(w \mid v) = \left(c(v, w) + \mu\, p(w)\right) / \left(c(v) + \mu\right)` with :math:`\mu = 1` and
    :math:`p(w) = (c(w) + 1) / (n + 2^{16})`: every word has a chance. Documents without words come last.
    """
    words, pairs = counted(towards, 1), counted(towards, 2)
    total, found = sum(words.values()), np.full(len(documents), np.inf)
    for number, text in enumerate(documents):
        seen = words_of(text)
        if not len(seen):
            continue
        single, double = ngrams_of(seen, 1), ngrams_of(seen, 2)
        alone = np.array([(words.get(w, 0) + 1) / (total + 2**16) for w in single.tolist()])
        before = np.array([words.get(w, 0) for w in single.tolist()])[:-1]
        both = np.array([pairs.get(w, 0) for w in double.tolist()])
        after = (both + alone[1:]) / (before + 1)
        found[number] = -(np.log(alone[0]) + np.log(after).sum()) / len(seen)
    return found


def counted(texts: Sequence[str], n: int) -> dict[int, int]:
    """How often each n-gram stands in some texts."""
    values, counts = np.unique(np.concatenate([ngrams_of(words_of(text), n) for text in texts]), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def judged_by(documents: Sequence[str], checkpoint: str, offline: bool) -> Array:
    """Nats per token of each document under a causal checkpoint: ``(D,)``."""
    from harness.checkpoints import load_language_model, resolve
    from harness.data.sequences import ScoredSequence
    from harness.data.windows import Tokenised, begin_token, causal_windows
    from harness.measures.cross_entropy import sequence_losses

    found = resolve(checkpoint, offline=offline)
    if found.objective != "causal":
        raise HarnessError(f"select reference: {checkpoint} is {found.objective}; expected a causal language model")
    model, tokenizer = load_language_model(found, "cpu", "float32")
    begin, window = begin_token(tokenizer, "auto"), found.context
    sequences: list[ScoredSequence] = []
    for number, text in enumerate(documents):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        sequences += causal_windows(Tokenised(text, ids, [(0, 0)] * len(ids)), number, begin, window, window)
    losses = sequence_losses(model, sequences, causal=True, token_budget=max(4096, window))
    clusters = [sequence.cluster for sequence in sequences]
    tokens = [int(sequence.labels[1:].ne(-100).sum()) for sequence in sequences]
    nats, counts = (np.bincount(clusters, values, len(documents)) for values in (losses, tokens))
    return np.where(counts > 0, nats / np.maximum(counts, 1), np.inf)
