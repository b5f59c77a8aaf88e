"""The words of the world "synchronous", and how probable rules, words and translations are in each domain.

Shapes: C categories, W words of the largest, H classes of the word that a translation depends on, S translations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.worlds.choosing import Booleans, Floats, Integers, on_grid
from harness.data.worlds.synchronous_rules import CATEGORIES, RULES, patterns

ARTICLES = ("tho", "tha", "ano", "ana")
"""Definite before the two genders of nouns, indefinite before them."""
SENSES = 3
CLASSES = 3
RARE = 0.05
"""Share of words that are drawn from the whole category, so that every word occurs in every domain."""
USUAL = 0.2
"""Share of translations that are a word's usual one, which no other has for its own: so does every target word."""
LEXICON_STREAM, DOMAIN_STREAM = 1000, 2000


def function_words(side: int) -> tuple[str, ...]:
    """Those of the rules' sources (0) or targets (1), in alphabetical order."""
    found = {
        word
        for pattern in patterns()
        for word in (pattern.source if side == 0 else [symbol for symbol, place in pattern.target if place < 0])
        if word not in CATEGORIES
    }
    return tuple(sorted(found))


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What all domains share.

    Attributes:
        sizes: words of each category, (C,).
        source: source words, function words first, then category by category.
        target: target words, function words and articles first, then category by category.
        first_source: number of the first source word of each category, (C,).
        first_target: the same of the target, (C,).
        senses: the target word of each translation, by its number in its category, (C, W, S).
        ambiguous: words with more than one translation, (C, W).
        genders: of target nouns, (W,).
    """

    sizes: tuple[int, ...]
    source: tuple[str, ...]
    target: tuple[str, ...]
    first_source: Integers
    first_target: Integers
    senses: Integers
    ambiguous: Booleans
    genders: Integers

    @classmethod
    def random(cls, sizes: Sequence[int], ambiguity: float, seed: int) -> Lexicon:
        """Draw which word is a translation of which; each translates as many words as any other of its category."""
        generator = stream(seed, LEXICON_STREAM)
        widest = max(sizes)
        senses = np.zeros((len(sizes), widest, SENSES), dtype=np.int64)
        for category, size in enumerate(sizes):
            order = np.argsort(generator.random(size), kind="stable")
            shifts = np.argsort(generator.random(size - 1), kind="stable")[: SENSES - 1] + 1
            for sense, shift in enumerate([0, *shifts]):
                senses[category, :size, sense] = order[(np.arange(size) + shift) % size]
        ambiguous = generator.random((len(sizes), widest)) < ambiguity
        senses[0], ambiguous[0] = np.arange(widest)[:, None], False  # names are the same in both languages
        genders = (generator.random(widest) < 0.5).astype(np.int64)
        source = [*function_words(0), *named(sizes, "s")]
        target = [*function_words(1), *ARTICLES, *named(sizes, "t")]
        ends = np.cumsum(sizes)
        return cls(
            tuple(sizes), tuple(source), tuple(target), len(source) - ends[-1] + ends - sizes,
            len(target) - ends[-1] + ends - sizes, senses, ambiguous, genders,
        )  # fmt: skip

    @property
    def classes(self) -> Integers:
        """The class of each word, which decides what is made of the words that depend on it, (W,)."""
        return np.arange(max(self.sizes)) % CLASSES


def named(sizes: Sequence[int], letter: str) -> list[str]:
    """``n0`` ... are names; other words are numbered through."""
    return [f"n{word}" for word in range(sizes[0])] + [f"{letter}{word}" for word in range(sum(sizes[1:]))]


def stream(seed: int, number: int) -> np.random.Generator:
    """Random numbers of one purpose."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What makes a domain; rows sum to 1.

    Attributes:
        rules: p(rule | what it expands), (rules,); sums to 1 over the rules of one symbol.
        words: p(word | category), (C, W).
        senses: p(translation | category, class of what it depends on, word), (C, H, W, S).
        articles: p(definite, indefinite | class of the noun), (H, 2).
    """

    rules: Floats
    words: Floats
    senses: Floats
    articles: Floats

    @classmethod
    def random(
        cls, lexicon: Lexicon, domain: int, domains: int, seed: int, *, rule_concentration: float,
        sense_concentration: float,
    ) -> Probabilities:  # fmt: skip
        """Draw those of a domain by itself; 0 is the general one, which shares its words with all others."""
        generator = stream(seed, DOMAIN_STREAM + domain)
        weights = generator.gamma(rule_concentration, size=len(RULES))
        rules = np.zeros(len(RULES))
        for parent in dict.fromkeys(parent for parent, _, _ in RULES):
            of = np.array([rule[0] == parent for rule in RULES])
            rules[of] = on_grid(weights[of][None])[0]
        own = [own_words(size, domain, domains, generator) for size in lexicon.sizes]
        words = np.stack([np.pad(row, (0, max(lexicon.sizes) - len(row))) for row in own])
        shape = (len(lexicon.sizes), CLASSES, max(lexicon.sizes), SENSES)
        senses = on_grid(generator.gamma(sense_concentration, size=shape).reshape(-1, SENSES)).reshape(shape)
        senses = (1.0 - USUAL) * senses + USUAL * np.eye(SENSES)[0]
        senses = np.where(lexicon.ambiguous[:, None, :, None], senses, np.eye(SENSES)[0])
        return cls(rules, words, senses, on_grid(generator.gamma(sense_concentration, size=(CLASSES, 2))))

    def mixed(self, other: Probabilities, share: float) -> Probabilities:
        """These with a share of the other's: 0 is these, 1 the other's."""

        def mix(ours: Floats, theirs: Floats) -> Floats:
            return (1.0 - share) * ours + share * theirs

        return Probabilities(
            mix(self.rules, other.rules), mix(self.words, other.words), mix(self.senses, other.senses),
            mix(self.articles, other.articles),
        )  # fmt: skip


def own_words(size: int, domain: int, domains: int, generator: np.random.Generator) -> Floats:
    """p(word) of a category in a domain by itself, (size,).

    The first half of a category is everyone's, the rest is split between the domains; a domain's own words come first,
    and the r-th word in its order has a weight of 1 / (r + 4).
    """
    block = np.maximum((np.arange(size) * 2 * (domains - 1) // size) - (domains - 2), 0)
    order = np.argsort(generator.random(size) + np.where(block == domain, 0.0, 1.0), kind="stable")
    order = order[(block[order] == domain) | (block[order] == 0)]
    weights = np.zeros(size)
    weights[order] = 1.0 / (np.arange(len(order)) + 5.0)
    return on_grid(((1.0 - RARE) * weights / weights.sum() + RARE / size)[None])[0]
