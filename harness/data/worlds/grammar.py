"""A probabilistic context-free grammar in Chomsky normal form, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.data.worlds.choosing import Floats, Integers, on_grid


@dataclass(frozen=True, eq=False)
class Grammar:
    """Rules A -> B C and A -> word; K nonterminals, R binary rules of each, V words.

    Attributes:
        start: p(root is A), (K,).
        left: B of each rule, (K, R).
        right: C of each rule, (K, R).
        rules: p(B C | A branches), (K, R); rows sum to 1.
        emission: p(word | A becomes a word), (K, V); rows sum to 1.
        stop: p(A becomes a word); None where the shape of the tree is given, so that nothing is to be decided.
    """

    start: Floats
    left: Integers
    right: Integers
    rules: Floats
    emission: Floats
    stop: float | None = None

    @classmethod
    def random(
        cls, nonterminals: int, vocabulary: int, rules: int, seed: int, *, rule_concentration: float,
        emission_concentration: float, stop: float | None = None, invertible: bool = False,
    ) -> Grammar:  # fmt: skip
        """Draw a grammar with uniform start; the same numbers on every machine.

        Args:
            nonterminals: K.
            vocabulary: V.
            rules: R, at most K * K, or K where ``invertible``.
            seed: seeds a PCG64 stream.
            rule_concentration: of the symmetric Dirichlet distribution of each symbol's rules.
            emission_concentration: of each symbol's words; the smaller, the fewer it uses.
            stop: p(a symbol becomes a word).
            invertible: no word and no pair B C comes of two symbols.
        """
        generator = np.random.Generator(np.random.PCG64(seed))
        pairs = nonterminals * nonterminals
        orders = np.argsort(generator.random((1 if invertible else nonterminals, pairs)), axis=1, kind="stable")
        chosen = orders[0, : nonterminals * rules].reshape(nonterminals, rules) if invertible else orders[:, :rules]
        weights = on_grid(generator.gamma(rule_concentration, size=(nonterminals, rules)))
        words = on_grid(generator.gamma(emission_concentration, size=(nonterminals, vocabulary)))
        if invertible:
            own = np.arange(vocabulary)[None] % nonterminals == np.arange(nonterminals)[:, None]
            words = np.where(own, words, 0.0)
            words /= words.sum(axis=1, keepdims=True)
        start = np.full(nonterminals, 1.0 / nonterminals)
        return cls(start, chosen // nonterminals, chosen % nonterminals, weights, words, stop)

    @property
    def nonterminals(self) -> int:
        """K."""
        return self.emission.shape[0]

    @property
    def vocabulary(self) -> int:
        """V."""
        return self.emission.shape[1]

    @cached_property
    def branching(self) -> Floats:
        """p(A -> B C), (K, K * K)."""
        size = self.nonterminals
        dense = np.zeros((size, size * size))
        rows = np.repeat(np.arange(size), self.left.shape[1])
        np.add.at(dense, (rows, (self.left * size + self.right).ravel()), self.rules.ravel())
        return dense * (1.0 if self.stop is None else 1.0 - self.stop)

    @cached_property
    def lexical(self) -> Floats:
        """p(A -> word), (K, V)."""
        return self.emission * (1.0 if self.stop is None else self.stop)

    @property
    def invertible(self) -> bool:
        """Whether a word names its symbol, and a pair of symbols the one they come of."""
        return bool(((self.emission > 0).sum(axis=0) <= 1).all() and ((self.branching > 0).sum(axis=0) <= 1).all())

    def shifted(self, concentration: float, seed: int) -> Grammar:
        """The same rules and words, each probability multiplied by a draw of Gamma(concentration) and normalised.

        The smaller the concentration, the further the language lies from this one.
        """
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(0,))))
        rules = on_grid(self.rules * generator.gamma(concentration, size=self.rules.shape))
        words = on_grid(self.emission * generator.gamma(concentration, size=self.emission.shape))
        words = np.where(self.emission > 0, words, 0.0)
        return replace(self, rules=rules, emission=words / words.sum(axis=1, keepdims=True))
