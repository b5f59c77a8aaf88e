"""A language of a probabilistic grammar with exact probabilities: of sentences, of hidden words and of the next word.

Shapes: N sentences, T words (the longest sentence; `PADDING` after a shorter one), K nonterminals, V words.
Probabilities are float64, logarithms natural (nats). Where trees are free, the language is that of the grammar given
that the length of a sentence lies between the shortest and the longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.data.worlds.choosing import Booleans, Floats, Integers
from harness.data.worlds.derivations import Derivations, derivations, lengths_of_yields
from harness.data.worlds.estimate import Estimate, entropies, ratio
from harness.data.worlds.grammar import Grammar
from harness.data.worlds.prefixes import prefix_probabilities
from harness.data.worlds.trees import Balanced, Free, Spans, by_depth, inside, outside
from harness.data.worlds.world import PADDING, at_masked

CELLS = 2**21
"""Numbers of one span's table of pairs, N x P x K x K, worked on at once; the results do not depend on it."""


@dataclass(frozen=True, eq=False)
class Pcfg:
    """A grammar and the shape of its trees."""

    grammar: Grammar
    shape: Balanced | Free

    @property
    def vocabulary(self) -> int:
        """V."""
        return self.grammar.vocabulary

    @cached_property
    def lengths(self) -> Floats:
        """p(a tree of the grammar has n words), (longest + 1,): not normalised to the lengths allowed."""
        longest = self.shape.lengths().stop - 1
        if isinstance(self.shape, Balanced):
            return np.eye(longest + 1)[longest]
        allowed = np.isin(np.arange(longest + 1), list(self.shape.lengths()))
        return np.where(allowed, lengths_of_yields(self.grammar, longest) @ self.grammar.start, 0.0)

    def sample(self, sentences: int, generator: np.random.Generator) -> Iterator[Derivations]:
        """Sentences in chunks; the first n are the same however many follow."""
        return derivations(self.grammar, self.shape, sentences, generator)

    def sentence_log_probabilities(self, tokens: Integers) -> Floats:
        """The logarithm of p(sentence), its end included, (N,)."""
        result = np.full(len(tokens), -np.inf)
        for rows, words in self._by_length(tokens):
            leaves, scale = self._leaves(words)
            with np.errstate(divide="ignore"):
                result[rows] = np.log(self._root(self.inside(leaves))) + scale.sum(axis=1)
        return result - np.log(self.lengths.sum())

    def log_probabilities(self, tokens: Integers) -> Floats:
        """The logarithm of p(x_t | x_<t), (N, T), NaN on padding; that a sentence may end before t is an outcome too.

        The sum over t is the probability that a sentence begins with these words.
        """
        tokens = self._checked(tokens)
        result = np.full(tokens.shape, np.nan)
        if isinstance(self.shape, Balanced):
            following = self.next_conditionals(tokens)
            with np.errstate(divide="ignore"):
                return np.log(np.take_along_axis(following, tokens[..., None], axis=2)[..., 0])
        for rows, words in self._by_length(tokens):
            leaves, scales = self._leaves(words)
            reached = prefix_probabilities(self.grammar, self.shape, leaves)
            with np.errstate(divide="ignore"):
                result[rows, : words.shape[1]] = np.diff(np.log(reached), axis=1) + scales
        return result

    def next_conditionals(self, tokens: Integers) -> Floats:
        """p(x_t = word | x_<t), (N, T, V); a row sums to the probability that the sentence goes on."""
        tokens = self._checked(tokens)
        joint = np.zeros((*tokens.shape, self.vocabulary))
        reached = np.zeros((len(tokens), tokens.shape[1] + 1))
        reached[:, 0] = self.lengths.sum()
        for length in self.shape.lengths():
            self._add_length(tokens, length, joint, reached)
        return joint / np.where(reached[:, :-1] > 0, reached[:, :-1], 1.0)[..., None]

    def _add_length(self, tokens: Integers, length: int, joint: Floats, reached: Floats) -> None:
        """Add what sentences of one length contribute to p(x_<t, x_t = word), (N, T, V), and to p(x_<t), (N, T + 1)."""
        width = min(length, tokens.shape[1])
        words = np.full((len(tokens), length), PADDING)
        words[:, :width] = tokens[:, :width]
        hidden = np.arange(length)[None] >= np.arange(width)[:, None]  # (t, T): nothing is known from t on
        for rows in self._chunks(len(tokens), length * width):
            group = words[rows]
            mask = np.broadcast_to(hidden, (len(group), width, length)).reshape(-1, length)
            leaves, scale = self._leaves(np.repeat(group, width, axis=0), mask)
            around = self.outside(self.inside(leaves))[1].reshape(len(group), width, length, -1)
            at = around[:, np.arange(width), np.arange(width)] @ self.grammar.lexical  # (n, t, V)
            scale = scale.reshape(len(group), width, length)
            at *= np.exp(scale.sum(axis=2) - scale[:, np.arange(width), np.arange(width)])[..., None]
            known = group[:, :width] != PADDING
            joint[rows, :width] += at
            taken = np.take_along_axis(at, np.maximum(group[:, :width], 0)[..., None], axis=2)[..., 0]
            reached[rows, 1 : width + 1] += np.where(known, taken, 0.0)

    def conditionals(self, tokens: Integers, mask: Booleans | None = None, seen: Floats | None = None) -> Floats:
        """p(x_t = word | what is known), (N, T, V); zeros on padding.

        Args:
            tokens: (N, T).
            mask: (N, T), True where the word is hidden; all that are hidden of a sentence are hidden together.
                None: each word by itself, given all others.
            seen: (N, T, V), how probable what is seen at t would be if the word there were v, in place of tokens and
                mask; ``tokens`` then gives lengths alone.
        """
        tokens = self._checked(tokens)
        result = np.zeros((*tokens.shape, self.vocabulary))
        for rows, words in self._by_length(tokens):
            width = words.shape[1]
            hidden = None if mask is None else np.asarray(mask)[rows, :width]
            evidence = None if seen is None else seen[rows, :width]
            leaves, _ = self._leaves(words, hidden, evidence)
            found = self.outside(self.inside(leaves))[1] @ self.grammar.lexical
            if evidence is not None:
                found *= evidence
            elif hidden is not None:
                found[~hidden] = np.eye(self.vocabulary)[words[~hidden]]
            total = found.sum(axis=2, keepdims=True)
            result[rows, :width] = found / np.where(total > 0, total, 1.0)
        return result

    def masked_log_probabilities(self, tokens: Integers, mask: Booleans) -> Floats:
        """The logarithm of p(x_t | the words that are not masked) at masked t, NaN elsewhere, (N, T)."""
        return at_masked(self.conditionals(tokens, mask), tokens, mask)

    def can_tell(self, sentences: int, length: int, hidden: int) -> bool:
        """Always."""
        return True

    def first_span(self, tokens: Integers, span: int) -> Floats:
        """p(symbol of the first ``span`` words | sentence, they have one), (N, K); 0 sentences are shorter."""
        result = np.zeros((len(tokens), self.grammar.nonterminals))
        for rows, words in self._by_length(self._checked(tokens)):
            within = self.inside(self._leaves(words)[0])
            size = words.shape[1] if span == 0 else span
            joint = within[size][:, 0] * self.outside(within)[size][:, 0]
            result[rows] = joint / joint.sum(axis=1, keepdims=True)
        return result

    def root(self, tokens: Integers) -> Floats:
        """p(root symbol | sentence), (N, K)."""
        return self.first_span(tokens, 0)

    def depths(self) -> Floats:
        """p(depth of a tree <= d), (longest,)."""
        longest = self.shape.lengths().stop - 1
        leaves = np.broadcast_to(self.grammar.lexical.sum(axis=1), (1, longest, self.grammar.nonterminals))
        weights = self.lengths > 0
        reached = [
            sum(spans[n][0, 0] @ self.grammar.start for n in range(1, longest + 1) if weights[n])
            for spans in by_depth(self.grammar, self.shape, leaves, longest - 1)
        ]
        return np.array(reached) / self.lengths.sum()

    def depth_posterior(self, tokens: Integers) -> Floats:
        """p(depth of the tree <= d | sentence), (N, longest)."""
        result = np.ones((len(tokens), self.shape.lengths().stop - 1))
        for rows, words in self._by_length(self._checked(tokens)):
            depth = words.shape[1] - 1
            tables = by_depth(self.grammar, self.shape, self._leaves(words)[0], depth)
            joint = np.stack([self._root(spans) for spans in tables], axis=1)
            result[rows, : depth + 1] = joint / joint[:, -1:]
        return result

    def entropy(self, sentences: int, seed: int) -> Estimate:
        """Entropy of a sentence in nats: by recursion where every sentence has one tree, else from samples."""
        if isinstance(self.shape, Balanced) and self.grammar.invertible:
            return Estimate(self.tree_entropy(), 0.0, 0, "recursion over the grammar")
        logs = -self.sentence_log_probabilities(self._sampled(sentences, seed))
        return Estimate(float(logs.mean()), float(logs.std(ddof=1) / np.sqrt(sentences)), sentences, "Monte Carlo")

    def tree_entropy(self) -> float:
        """Entropy of a tree with its words in nats, by recursion; only where all trees have one shape.

        Raises:
            ValueError: trees are free.
        """
        if not isinstance(self.shape, Balanced):
            raise ValueError("found free trees; expected trees of one shape")
        grammar = self.grammar
        below = entropies(grammar.emission)
        for _ in range(self.shape.depth):
            below = entropies(grammar.rules) + (grammar.rules * (below[grammar.left] + below[grammar.right])).sum(
                axis=1
            )
        return float(entropies(grammar.start[None])[0] + grammar.start @ below)

    def least_masked_loss(self, sentences: int, seed: int) -> Estimate:
        """Nats per token that a model cannot go below with one word masked, each word of a sentence in turn."""
        tokens = self._sampled(sentences, seed)
        nats = np.concatenate([entropies(self.conditionals(part)).sum(axis=1) for part in np.array_split(tokens, 16)])
        return ratio(nats, (tokens != PADDING).sum(axis=1))

    def unigram(self) -> Floats:
        """Share of each word among all words, (V,)."""
        total = np.zeros(self.vocabulary)
        for length in self.shape.lengths():
            leaves = np.broadcast_to(self.grammar.lexical.sum(axis=1), (1, length, self.grammar.nonterminals))
            total += (self.outside(self.inside(leaves))[1][0] @ self.grammar.lexical).sum(axis=0)
        return total / total.sum()

    def unigram_entropy(self) -> float:
        """Nats per token of a model that knows the word frequencies and nothing else."""
        return float(entropies(self.unigram()[None])[0])

    def inside(self, leaves: Floats) -> Spans:
        """Inside probabilities under this grammar and shape."""
        return inside(self.grammar, self.shape, leaves)

    def outside(self, within: Spans) -> Spans:
        """Outside probabilities under this grammar and shape."""
        return outside(self.grammar, self.shape, within)

    def _sampled(self, sentences: int, seed: int) -> Integers:
        generator = np.random.Generator(np.random.PCG64(seed))
        return np.concatenate([chunk.words for chunk in self.sample(sentences, generator)])

    def _root(self, within: Spans) -> Floats:
        return within[max(within)][:, 0] @ self.grammar.start

    def _leaves(
        self, words: Integers, mask: Booleans | None = None, seen: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """p(what is known of word t | symbol) / its largest value, (N, T, K), and the logarithm of that value, (N, T)."""
        if seen is not None:
            leaves = seen @ self.grammar.lexical.T
        else:
            leaves = self.grammar.lexical.T[np.maximum(words, 0)]
            if mask is not None:
                leaves[mask] = self.grammar.lexical.sum(axis=1)
        largest = leaves.max(axis=2)
        largest = np.where(largest > 0, largest, 1.0)
        return leaves / largest[..., None], np.log(largest)

    def _by_length(self, tokens: Integers) -> Iterator[tuple[Integers, Integers]]:
        """Numbers of rows and their words (n, T) without padding: sentences of one length, a chunk at a time."""
        tokens = np.asarray(tokens)
        length = (tokens != PADDING).sum(axis=1)
        for found in np.unique(length):
            rows = np.flatnonzero(length == found)
            for part in self._chunks(len(rows), int(found)):
                yield rows[part], tokens[rows[part], :found]

    def _chunks(self, rows: int, places: int) -> Iterator[slice]:
        size = max(1, CELLS // (places * self.grammar.nonterminals**2))
        return (slice(start, min(start + size, rows)) for start in range(0, rows, size))

    def _checked(self, tokens: Integers) -> Integers:
        """Sentences whose words and lengths the language has.

        Raises:
            ValueError: they are none.
        """
        tokens = np.asarray(tokens, dtype=np.int64)
        if tokens.ndim != 2 or (tokens.size and not PADDING <= tokens.min() <= tokens.max() < self.vocabulary):
            raise ValueError(f"found tokens {tokens.shape}; expected (N, T) with words 0 ... {self.vocabulary - 1}")
        lengths = set(np.unique((tokens != PADDING).sum(axis=1)).tolist())
        if not lengths <= set(self.shape.lengths()):
            valid = self.shape.lengths()
            raise ValueError(f"found sentences of {sorted(lengths)} words; expected {valid[0]} ... {valid[-1]}")
        return tokens
