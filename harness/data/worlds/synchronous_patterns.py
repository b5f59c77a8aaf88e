"""The patterns of the world "synchronous" as tables of numbers.

Shapes: K patterns, G groups of patterns with one source, L places of the longest source, T of the longest target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.data.worlds.choosing import Booleans, Floats, Integers
from harness.data.worlds.synchronous_rules import ARTICLE, CATEGORIES, Pattern

CONTENT, ARTICLE_WORD = -2, -3
"""What stands in ``target_kind`` where no function word does."""


@dataclass(frozen=True, eq=False)
class PatternTable:
    """All patterns of a grammar.

    Attributes:
        patterns: what the rows are.
        source_functions: source words that are of no category, in the order of their numbers.
        target_functions: target words that are of no category, articles apart.
    """

    patterns: Sequence[Pattern]
    source_functions: tuple[str, ...]
    target_functions: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse patterns whose source does not tell what its words depend on, or whose target does not tell the pattern.

        Raises:
            ValueError: there are such patterns.
        """
        told = {(p.source, p.contexts, tuple(sorted(i for s, i in p.target if s == ARTICLE))) for p in self.patterns}
        orders = {(p.source, tuple(symbol for symbol, _ in p.target)) for p in self.patterns}
        if len(told) != self.groups or len(orders) != len(self.patterns):
            raise ValueError(
                "found two patterns that cannot be told apart by source and target; expected a clear grammar"
            )

    @cached_property
    def _sources(self) -> dict[tuple[str, ...], int]:
        return {source: number for number, source in enumerate(dict.fromkeys(p.source for p in self.patterns))}

    @property
    def groups(self) -> int:
        """G."""
        return len(self._sources)

    @cached_property
    def group(self) -> Integers:
        """The group of each pattern, (K,)."""
        return np.array([self._sources[p.source] for p in self.patterns])

    @cached_property
    def members(self) -> Integers:
        """Patterns of each group, (G, most), -1 after the last."""
        of_group = [np.flatnonzero(self.group == number).tolist() for number in range(self.groups)]
        return padded(of_group)

    def group_of(self, source: tuple[str, ...]) -> int | None:
        """The group whose patterns have this source of categories and function words."""
        return self._sources.get(source)

    @cached_property
    def category(self) -> Integers:
        """The category of the word at each place of the source, (K, L); -1 where there is none."""
        return padded([[CATEGORIES.index(s) if s in CATEGORIES else -1 for s in p.source] for p in self.patterns])

    @cached_property
    def source_word(self) -> Integers:
        """The function word at each place of the source, (K, L); -1 where there is none."""
        numbers = {word: number for number, word in enumerate(self.source_functions)}
        return padded([[numbers.get(s, -1) for s in p.source] for p in self.patterns])

    @cached_property
    def context(self) -> Integers:
        """The place of the word that the translation of each depends on, (K, L); -1 where there is none."""
        return padded([list(p.contexts) for p in self.patterns])

    def context_category(self) -> Integers:
        """The category of that word, (K, L); -1 where there is none."""
        found = np.take_along_axis(self.category, np.maximum(self.context, 0), axis=1)
        return np.where(self.context >= 0, found, -1)

    @cached_property
    def target_place(self) -> Integers:
        """The place of the source that each word of the target comes of, (K, T); -1 where there is none."""
        return padded([[place for _, place in p.target] for p in self.patterns])

    @cached_property
    def target_kind(self) -> Integers:
        """A function word's number, `CONTENT`, `ARTICLE_WORD`, or -1 after the last, (K, T)."""
        numbers = {word: number for number, word in enumerate(self.target_functions)} | {ARTICLE: ARTICLE_WORD}
        return padded([[numbers.get(symbol, CONTENT) for symbol, _ in p.target] for p in self.patterns])

    @cached_property
    def has_article(self) -> Booleans:
        """Places whose noun has an article in the target, (K, L)."""
        found = np.zeros(self.category.shape, dtype=bool)
        for row, pattern in zip(found, self.patterns, strict=True):
            row[[place for symbol, place in pattern.target if symbol == ARTICLE]] = True
        return found

    @cached_property
    def target_length(self) -> Integers:
        """Words of the target, (K,)."""
        return np.array([len(p.target) for p in self.patterns])

    @property
    def first_article(self) -> int:
        """The number of the first article among target words."""
        return len(self.target_functions)

    def products(self, rules: Floats) -> Floats:
        """The product of the probabilities of each pattern's rules, (K,)."""
        most = max(len(p.rules) for p in self.patterns)
        factors = np.append(rules, 1.0)[padded([list(p.rules) for p in self.patterns])]
        result = np.ones(len(self.patterns))
        for column in range(most):
            result = result * factors[:, column]
        return result


def padded(rows: Sequence[Sequence[int]]) -> Integers:
    """Rows of several lengths in one table, -1 after the last of each."""
    found = np.full((len(rows), max(map(len, rows))), -1)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return found
