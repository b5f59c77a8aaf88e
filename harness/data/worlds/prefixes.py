"""The probability that a sentence begins with given words, where trees are free.

A span that holds words up to the t-th and r unknown ones after them splits before the unknown words, or among them.
Spans of known words are the same for every t, those of unknown ones for every sentence; only the former are tables.
"""

from __future__ import annotations

import numpy as np

from harness.data.worlds.choosing import Floats
from harness.data.worlds.derivations import lengths_of_yields
from harness.data.worlds.grammar import Grammar
from harness.data.worlds.trees import Free, inside


def prefix_probabilities(grammar: Grammar, shape: Free, leaves: Floats) -> Floats:
    """p(length is allowed, the first t words) for t = 0 ... T, (N, T + 1).

    Args:
        grammar: the rules.
        shape: which lengths a sentence may have.
        leaves: p(word t | symbol), (N, T, K).
    """
    known = inside(grammar, shape, leaves)
    yields = lengths_of_yields(grammar, shape.longest)
    allowed = np.isin(np.arange(shape.longest + 1), list(shape.lengths()))
    result = np.zeros((len(leaves), leaves.shape[1] + 1))
    result[:, 0] = (yields @ grammar.start * allowed).sum()
    size = grammar.nonterminals
    # p(A -> B C, C yields n words), (n, B, A)
    before = np.einsum("abc,nc->nba", grammar.branching.reshape(size, size, size), yields)
    for t in range(1, leaves.shape[1] + 1):
        whole = prefix_spans(grammar, known, before, t, shape.longest - t)
        whole = np.concatenate([known[t][:, 0][:, None], whole], axis=1)  # (N, 1 + most unknown words, K)
        result[:, t] = (whole[:, allowed[t:]] @ grammar.start).sum(axis=1)
    return result


def prefix_spans(grammar: Grammar, known: dict[int, Floats], before: Floats, t: int, most: int) -> Floats:
    """p(the first t words, then r unknown ones | symbol) for r = 1 ... ``most``, (N, most, K)."""
    count, _, size = known[1].shape
    found: dict[int, Floats] = {}
    for start in range(t - 1, -1, -1):
        pairs = np.zeros((count, most, size, size))
        for left in range(1, t - start):
            pairs += known[left][:, start, None, :, None] * found[start + left][:, :, None, :]
        spans = pairs.reshape(count, most, size * size) @ grammar.branching.T
        for r in range(1, most + 1):
            spans[:, r - 1] += known[t - start][:, start] @ before[r]
            for fewer in range(1, r):
                spans[:, r - 1] += spans[:, fewer - 1] @ before[r - fewer]
        found[start] = spans
    return found[0]
