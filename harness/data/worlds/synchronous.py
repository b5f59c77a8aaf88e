"""A language and its translation, with exact conditional probabilities of the target given the source.

The source tells its pattern but for the order of the target, and all its words; what is left to the translator are that
order, one of the translations of every ambiguous word, and definite or indefinite articles. Each target comes of one
such choice, and the choices are independent given the source: entropies add up, and the likeliest choices are the
likeliest translation.

Shapes: N pairs, K patterns, G groups of patterns with one source, L places of the longest source, C categories,
W words of the largest, H classes of the word that a translation depends on, S translations. Logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.data.worlds.choosing import Floats, Integers, choose, cumulative, on_grid
from harness.data.worlds.estimate import entropies
from harness.data.worlds.synchronous_lexicon import SENSES, Lexicon, Probabilities
from harness.data.worlds.synchronous_patterns import PatternTable

CHUNK = 16384
"""Pairs drawn at once; the first n are the same whatever it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Pairs by what was chosen: ``pattern`` (N,), ``words`` by their number in their category, ``senses``, ``articles`` (N, L).

    Only places that hold such a choice count.
    """

    pattern: Integers
    words: Integers
    senses: Integers
    articles: Integers

    def __len__(self) -> int:
        return len(self.pattern)


@dataclass(frozen=True, slots=True)
class ConditionalEntropy:
    """Of a pair, on average over the language: nats of the target given the source, and target words with the end."""

    nats: float
    tokens: float

    @property
    def nats_per_token(self) -> float:
        """The least cross-entropy that a model which reads words and ends its sentences can reach on average."""
        return self.nats / self.tokens


@dataclass(frozen=True, eq=False)
class SynchronousLanguage:
    """One domain: shared patterns and words, and their probabilities."""

    table: PatternTable
    lexicon: Lexicon
    probabilities: Probabilities

    @cached_property
    def patterns(self) -> Floats:
        """p(pattern), (K,)."""
        return on_grid(self.table.products(self.probabilities.rules)[None])[0]

    @cached_property
    def orders(self) -> Floats:
        """p(pattern | the pattern of the source), (K,)."""
        return self.patterns / np.bincount(self.table.group, self.patterns)[self.table.group]

    @cached_property
    def _sums(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        p = self.probabilities
        members = np.append(self.orders, 0.0)[self.table.members]
        rows = (self.patterns[None], p.words, p.senses.reshape(-1, SENSES), p.articles, members)
        pattern, words, senses, articles, orders = (cumulative(table) for table in rows)
        return pattern, words, senses, articles, orders

    def sample(self, pairs: int, generator: np.random.Generator) -> Iterator[Drawn]:
        """Pairs in chunks; the first n are the same however many follow."""
        width = self.table.category.shape[1]
        for start in range(0, pairs, CHUNK):
            uniforms = generator.random((min(CHUNK, pairs - start), 1 + 3 * width))
            pattern = choose(self._sums[0], np.zeros(len(uniforms), dtype=np.int64), uniforms[:, 0])
            category = np.maximum(self.table.category[pattern], 0)
            words = choose(self._sums[1], category, uniforms[:, 1 : 1 + width])
            yield self._translated(Drawn(pattern, words, words, words), uniforms[:, 1 + width :])

    def translated(self, drawn: Drawn, generator: np.random.Generator) -> Drawn:
        """Other translations of the same sources, drawn as the first were."""
        uniforms = generator.random((len(drawn), 1 + 2 * drawn.words.shape[1]))
        group = self.table.group[drawn.pattern]
        pattern = self.table.members[group, choose(self._sums[4], group, uniforms[:, 0])]
        return self._translated(replace(drawn, pattern=pattern), uniforms[:, 1:])

    def _translated(self, drawn: Drawn, uniforms: Floats) -> Drawn:
        width, p = drawn.words.shape[1], self.probabilities
        row = np.ravel_multi_index(self._place(drawn), p.senses.shape[:3])
        senses = choose(self._sums[2], row, uniforms[:, :width])
        articles = choose(self._sums[3], self._classes(drawn), uniforms[:, width:])
        return replace(drawn, senses=senses, articles=articles)

    def best(self, drawn: Drawn) -> Drawn:
        """The most probable translation of each source."""
        members = self.table.members[self.table.group[drawn.pattern]]
        pattern = np.take_along_axis(members, np.append(self.orders, 0.0)[members].argmax(axis=1)[:, None], axis=1)
        drawn = replace(drawn, pattern=pattern[:, 0])
        senses = self.probabilities.senses[self._place(drawn)].argmax(axis=2)
        articles = self.probabilities.articles[self._classes(drawn)].argmax(axis=2)
        return replace(drawn, senses=senses, articles=articles)

    def log_probabilities(self, drawn: Drawn) -> Floats:
        """The logarithm of p(target | source), (N,)."""
        with np.errstate(divide="ignore"):
            senses = np.log(self.probabilities.senses[(*self._place(drawn), drawn.senses)])
            articles = np.log(self.probabilities.articles[self._classes(drawn), drawn.articles])
        return np.log(self.orders[drawn.pattern]) + self._over_choices(drawn, senses, articles)

    def entropies(self, drawn: Drawn) -> Floats:
        """Entropy of the target given each source, nats, (N,)."""
        group = self.table.group[drawn.pattern]
        senses = entropies(self.probabilities.senses)[self._place(drawn)]
        articles = entropies(self.probabilities.articles)[self._classes(drawn)]
        return self._group_entropies[group] + self._over_choices(drawn, senses, articles)

    def entropy(self) -> ConditionalEntropy:
        """Entropy of the target given the source, averaged over all sources: exact, by a sum over patterns."""
        p, table, classes = self.probabilities, self.table, self.lexicon.classes
        of_class = np.stack(
            [p.words[:, classes == number].sum(axis=1) for number in np.unique(classes)], axis=1
        )  # (C, H)
        first = np.eye(of_class.shape[1])[0]
        of_class = np.concatenate([of_class, first[None]])  # the last row: a translation that depends on nothing
        given = np.einsum("cw,chw->ch", p.words, entropies(p.senses))  # (C, H), nats
        sense = np.append(given @ of_class.T, np.zeros((1, len(of_class))), axis=0)  # (C + 1, C + 1)
        article = np.append(of_class[:-1] @ entropies(p.articles), 0.0)
        nats = (
            self._group_entropies[table.group]
            + sense[table.category, table.context_category()].sum(axis=1)
            + np.where(table.has_article, article[table.category], 0.0).sum(axis=1)
        )
        return ConditionalEntropy(float(self.patterns @ nats), float(self.patterns @ table.target_length) + 1.0)

    @cached_property
    def _group_entropies(self) -> Floats:
        return entropies(np.append(self.orders, 0.0)[self.table.members])

    def _over_choices(self, drawn: Drawn, senses: Floats, articles: Floats) -> Floats:
        """Sum over places with a content word, and over those with an article."""
        there, article = self.table.category[drawn.pattern] >= 0, self.table.has_article[drawn.pattern]
        return np.where(there, senses, 0.0).sum(axis=1) + np.where(article, articles, 0.0).sum(axis=1)

    def _place(self, drawn: Drawn) -> tuple[Integers, Integers, Integers]:
        """Category, class of what the translation depends on, and word of every place, (N, L) each."""
        context = self.table.context[drawn.pattern]
        heads = np.take_along_axis(self._classes(drawn), np.maximum(context, 0), axis=1)
        return np.maximum(self.table.category[drawn.pattern], 0), np.where(context >= 0, heads, 0), drawn.words

    def _classes(self, drawn: Drawn) -> Integers:
        return self.lexicon.classes[drawn.words]

    def sources(self, drawn: Drawn) -> list[str]:
        """The texts to translate."""
        table = self.table
        category, fixed = table.category[drawn.pattern], table.source_word[drawn.pattern]
        words = np.where(category >= 0, self.lexicon.first_source[category] + drawn.words, fixed)
        return joined(self.lexicon.source, words)

    def targets(self, drawn: Drawn) -> list[str]:
        """Their translations."""
        table, lexicon = self.table, self.lexicon
        category = table.category[drawn.pattern]
        local = lexicon.senses[np.maximum(category, 0), drawn.words, drawn.senses]
        content = lexicon.first_target[category] + local  # (N, L), by place of the source
        articles = table.first_article + 2 * drawn.articles + lexicon.genders[local]
        place, kind = np.maximum(table.target_place[drawn.pattern], 0), table.target_kind[drawn.pattern]
        taken = [np.take_along_axis(values, place, axis=1) for values in (content, articles)]
        return joined(lexicon.target, np.select([kind == -2, kind == -3], taken, kind))


def joined(names: tuple[str, ...], words: Integers) -> list[str]:
    """Word numbers (N, T) as texts; -1 stands after the last word of each."""
    found = np.array([*names, None], dtype=object)[words]
    lengths = (words >= 0).sum(axis=1)
    return [" ".join(row[:length]) for row, length in zip(found, lengths, strict=True)]
