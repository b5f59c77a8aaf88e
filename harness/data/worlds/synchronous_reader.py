"""Texts of the world "synchronous" read back into the choices they were made by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from harness.data.worlds.choosing import Booleans
from harness.data.worlds.synchronous import Drawn
from harness.data.worlds.synchronous_lexicon import ARTICLES, Lexicon
from harness.data.worlds.synchronous_patterns import PatternTable
from harness.data.worlds.synchronous_rules import ARTICLE, CATEGORIES
from harness.errors import HarnessError

Word = tuple[str, int]
"""Its category, or itself where it has none, and its number there."""


class Reader:
    """Reads pairs of one lexicon."""

    def __init__(self, table: PatternTable, lexicon: Lexicon) -> None:
        """Number the words of both languages."""
        self.table, self.lexicon = table, lexicon
        self.source_words = self._words(lexicon.source, lexicon.first_source.tolist())
        self.target_words = self._words(lexicon.target, lexicon.first_target.tolist())
        self.target_words |= {word: (ARTICLE, number) for number, word in enumerate(ARTICLES)}

    def _words(self, names: Sequence[str], first: Sequence[int]) -> dict[str, Word]:
        found = {word: (word, -1) for word in names}
        for category, start, size in zip(CATEGORIES, first, self.lexicon.sizes, strict=True):
            found |= {word: (category, number) for number, word in enumerate(names[start : start + size])}
        return found

    @cached_property
    def _orders(self) -> dict[tuple[int, tuple[str, ...]], int]:
        targets = (tuple(symbol for symbol, _ in pattern.target) for pattern in self.table.patterns)
        return {key: number for number, key in enumerate(zip(self.table.group.tolist(), targets, strict=True))}

    def read(self, sources: Sequence[str], targets: Sequence[str] | None = None) -> tuple[Drawn, Booleans]:
        """The choices, and which targets are translations of their sources at all, (N,).

        Without targets, any order and translation of each source stands for it.

        Raises:
            HarnessError: a source that is no sentence of the language.
        """
        width = self.table.category.shape[1]
        drawn = Drawn(np.zeros(len(sources), dtype=np.int64), *np.zeros((3, len(sources), width), dtype=np.int64))
        possible = np.ones(len(sources), dtype=bool)
        for row, source in enumerate(sources):
            words = [self.source_words.get(word, (word, -1)) for word in source.split()]
            group = self.table.group_of(tuple(symbol for symbol, _ in words))
            if group is None:
                raise HarnessError(
                    f"world 'synchronous': found the source {source!r}; expected a sentence of its first language"
                )
            drawn.words[row, : len(words)] = [max(number, 0) for _, number in words]
            drawn.pattern[row] = self.table.members[group, 0]
            if targets is not None:
                possible[row] = self._read_target(drawn, row, group, targets[row])
        return drawn, possible

    def _read_target(self, drawn: Drawn, row: int, group: int, target: str) -> bool:
        """Enter what was chosen into a row; False where no choice gives this target."""
        words = [self.target_words.get(word, (word, -1)) for word in target.split()]
        pattern = self._orders.get((group, tuple(symbol for symbol, _ in words)))
        if pattern is None:
            return False
        drawn.pattern[row] = pattern
        genders: dict[int, int] = {}
        for (symbol, number), (_, place) in zip(words, self.table.patterns[pattern].target, strict=True):
            if symbol == ARTICLE:
                drawn.articles[row, place], genders[place] = divmod(number, 2)
            elif place >= 0:
                senses = self.lexicon.senses[CATEGORIES.index(symbol), drawn.words[row, place]].tolist()
                if number not in senses or genders.get(place, gender := int(self.lexicon.genders[number])) != gender:
                    return False
                drawn.senses[row, place] = senses.index(number)
        return True
