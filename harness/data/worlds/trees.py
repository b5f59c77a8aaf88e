"""Sums over all trees of a sentence: inside and outside probabilities, for trees of free and of given shape.

Shapes: N sentences, T words, K nonterminals. A table of spans maps the length L of a span to numbers (N, P, K): its P
places are all starts 0 ... T-L of a free tree, and 0, L, 2L ... of a balanced one.
Inside-outside: Lari and Young, "The estimation of stochastic context-free grammars" (1990).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.data.worlds.choosing import Floats
from harness.data.worlds.grammar import Grammar

Spans = dict[int, Floats]
Split = tuple[int, slice, int, slice]
"""Length and places of the left part, length and places of the right one."""


class Shape(Protocol):
    """Which trees there are over a sentence."""

    def lengths(self) -> range:
        """The lengths that a sentence may have."""

    def spans(self, length: int) -> list[int]:
        """Lengths of the spans that branch in a sentence of ``length`` words, rising."""

    def splits(self, length: int, span: int) -> Iterator[Split]:
        """How a span may be split in a sentence of ``length`` words."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """Every tree is the complete binary one of this depth; sentences have 2 ** depth words."""

    depth: int

    def lengths(self) -> range:
        """One length."""
        return range(2**self.depth, 2**self.depth + 1)

    def spans(self, length: int) -> list[int]:
        """2, 4, 8 ..."""
        return [2**level for level in range(1, length.bit_length())]

    def splits(self, length: int, span: int) -> Iterator[Split]:
        """In the middle."""
        yield span // 2, slice(0, None, 2), span // 2, slice(1, None, 2)


@dataclass(frozen=True, slots=True)
class Free:
    """Any binary tree over ``shortest`` to ``longest`` words."""

    shortest: int
    longest: int

    def lengths(self) -> range:
        """From the shortest to the longest."""
        return range(self.shortest, self.longest + 1)

    def spans(self, length: int) -> list[int]:
        """All but single words."""
        return list(range(2, length + 1))

    def splits(self, length: int, span: int) -> Iterator[Split]:
        """Between any two words."""
        places = length - span + 1
        for left in range(1, span):
            yield left, slice(0, places), span - left, slice(left, left + places)


def inside(grammar: Grammar, shape: Shape, leaves: Floats) -> Spans:
    """p(words of the span | symbol) for every span.

    Args:
        grammar: the rules.
        shape: which trees count.
        leaves: p(what is known of word t | symbol), (N, T, K).
    """
    length, size = leaves.shape[1], grammar.nonterminals
    found: Spans = {1: leaves}
    for span in shape.spans(length):
        pairs: Floats | float = 0.0
        for left, at, right, beside in shape.splits(length, span):
            pairs = pairs + found[left][:, at, :, None] * found[right][:, beside, None, :]
        assert not isinstance(pairs, float)
        found[span] = pairs.reshape(*pairs.shape[:2], size * size) @ grammar.branching.T
    return found


def outside(grammar: Grammar, shape: Shape, within: Spans) -> Spans:
    """p(all words outside of the span, symbol spans it) for every span, from the inside probabilities."""
    length, size = within[1].shape[1], grammar.nonterminals
    found: Spans = {span: np.zeros_like(values) for span, values in within.items()}
    found[length] += grammar.start
    for span in reversed(shape.spans(length)):
        above = found[span]
        pairs = (above @ grammar.branching).reshape(*above.shape[:2], size, size)
        for left, at, right, beside in shape.splits(length, span):
            found[left][:, at] += np.einsum("npbc,npc->npb", pairs, within[right][:, beside])
            found[right][:, beside] += np.einsum("npbc,npb->npc", pairs, within[left][:, at])
    return found


def by_depth(grammar: Grammar, shape: Shape, leaves: Floats, depth: int) -> Iterator[Spans]:
    """As `inside`, over trees of depth at most 0, 1, ... ``depth``; a word by itself is a tree of depth 0."""
    length, size = leaves.shape[1], grammar.nonterminals
    zeros = {span: np.zeros_like(leaves[:, : length - span + 1]) for span in shape.spans(length)}
    last: Spans = {1: leaves, **zeros}
    yield last
    for _ in range(depth):
        found: Spans = {1: leaves}
        for span in shape.spans(length):
            pairs = sum(
                last[left][:, at, :, None] * last[right][:, beside, None, :]
                for left, at, right, beside in shape.splits(length, span)
            )
            found[span] = np.asarray(pairs).reshape(*zeros[span].shape[:2], size * size) @ grammar.branching.T
        last = found
        yield last
