"""Sentences sampled from a grammar, many at once; the first n are the same however many follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.data.worlds.choosing import Floats, Integers, choose, cumulative
from harness.data.worlds.grammar import Grammar
from harness.data.worlds.trees import Balanced, Free, inside
from harness.data.worlds.world import PADDING

CHUNK = 16384
"""Sentences sampled at once; the numbers do not depend on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Derivations:
    """Sampled sentences: ``words`` (N, T) with `PADDING`, ``root`` symbols (N,) and ``depth`` of the trees (N,)."""

    words: Integers
    root: Integers
    depth: Integers


def derivations(
    grammar: Grammar, shape: Balanced | Free, sentences: int, generator: np.random.Generator
) -> Iterator[Derivations]:
    """Sample in chunks of at most `CHUNK`."""
    sampler = BalancedSampler(grammar, shape.depth) if isinstance(shape, Balanced) else FreeSampler(grammar, shape)
    width = 2 * (shape.lengths().stop - 1)
    for start in range(0, sentences, CHUNK):
        yield sampler.sample(generator.random((min(CHUNK, sentences - start), width)))


class BalancedSampler:
    """Complete binary trees, level by level."""

    def __init__(self, grammar: Grammar, depth: int) -> None:
        """Make tables of cumulative probabilities."""
        self.grammar, self.depth = grammar, depth
        self.starts, self.rules, self.words = (
            cumulative(rows) for rows in (grammar.start[None], grammar.rules, grammar.emission)
        )

    def sample(self, uniforms: Floats) -> Derivations:
        """One sentence for each row of uniform numbers, (N, 2T): root, branches level by level, words."""
        root = choose(self.starts, np.zeros(len(uniforms), dtype=np.int64), uniforms[:, 0])
        symbols, used = root[:, None], 1
        for _ in range(self.depth):
            rule = choose(self.rules, symbols, uniforms[:, used : used + symbols.shape[1]])
            used += symbols.shape[1]
            children = np.stack([self.grammar.left[symbols, rule], self.grammar.right[symbols, rule]], axis=2)
            symbols = children.reshape(len(uniforms), -1)
        words = choose(self.words, symbols, uniforms[:, used:])
        return Derivations(words, root, np.full(len(root), self.depth))


class FreeSampler:
    """Trees of any shape, given that the sentence's length is one of the shape's: no sentence is drawn in vain."""

    def __init__(self, grammar: Grammar, shape: Free) -> None:
        """Work out p(length | symbol) and, from it, p(rule, place of the split | symbol, length)."""
        self.grammar, self.longest = grammar, shape.longest
        self.yields = lengths_of_yields(grammar, shape.longest)  # (longest + 1, K)
        allowed = np.isin(np.arange(shape.longest + 1), list(shape.lengths()))
        roots = self.yields * grammar.start * allowed[:, None]
        self.roots, self.words = cumulative(roots.reshape(1, -1)), cumulative(grammar.emission)
        self.branches = cumulative(self.branch_weights())

    def branch_weights(self) -> Floats:
        """Row ``length * K + symbol``, column ``(words of the left part - 1) * R + rule``."""
        size, rules = self.grammar.left.shape
        weights = np.zeros((self.longest + 1, size, max(1, self.longest - 1), rules))
        for length in range(2, self.longest + 1):
            for part in range(1, length):
                below = self.yields[part][self.grammar.left] * self.yields[length - part][self.grammar.right]
                weights[length, :, part - 1] = self.grammar.rules * below
        flat = weights.reshape((self.longest + 1) * size, -1)
        flat[flat.sum(axis=1) == 0, 0] = 1.0  # single words do not branch: a row that is never asked for
        return flat

    def sample(self, uniforms: Floats) -> Derivations:
        """One sentence for each row of uniform numbers, (N, 2T): root and length, branches, words.

        A branch over n words has n - 2 branches below it; it takes the number ``node`` of its sentence's, the left
        part those after it, the right part the rest.
        """
        count, size = len(uniforms), self.grammar.nonterminals
        first = choose(self.roots, np.zeros(count, dtype=np.int64), uniforms[:, 0])
        length, symbol, sentence = first // size, first % size, np.arange(count)
        depth, root, level = np.zeros(count, dtype=np.int64), symbol, 0
        symbols = np.full((count, self.longest), PADDING)
        start, node = np.zeros(count, dtype=np.int64), np.ones(count, dtype=np.int64)
        while len(sentence):
            depth[sentence] = level
            single = length == 1
            symbols[sentence[single], start[single]] = symbol[single]
            sentence, start, node, symbol, length = (
                values[~single] for values in (sentence, start, node, symbol, length)
            )
            part, rule = np.divmod(
                choose(self.branches, length * size + symbol, uniforms[sentence, node]), self.grammar.left.shape[1]
            )
            part += 1
            node = np.concatenate([node + 1, node + part])
            start, length = np.concatenate([start, start + part]), np.concatenate([part, length - part])
            symbol = np.concatenate([self.grammar.left[symbol, rule], self.grammar.right[symbol, rule]])
            sentence, level = np.concatenate([sentence, sentence]), level + 1
        words = np.full_like(symbols, PADDING)
        there = symbols != PADDING
        words[there] = choose(self.words, symbols[there], uniforms[:, self.longest :][there])
        return Derivations(words, root, depth)


def lengths_of_yields(grammar: Grammar, longest: int) -> Floats:
    """p(a symbol yields n words), (longest + 1, K)."""
    anything = np.broadcast_to(grammar.lexical.sum(axis=1), (1, longest, grammar.nonterminals))
    found = inside(grammar, Free(1, longest), anything)
    return np.stack([np.zeros(grammar.nonterminals)] + [found[n][0, 0] for n in range(1, longest + 1)])
