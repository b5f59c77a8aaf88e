"""Raw text becomes sentences, each with a number drawn from its own words: splits and choices follow from that number."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

END = re.compile(r"((?<=[.!?])[\"')\]]*)\s+(?=[\"'(\[]*\s*[A-Z0-9])")
"""Between two sentences: a full stop or its like, marks that close, and then a capital or a digit."""
HEADING = re.compile(r"^\s*=.*=\s*$")
WIKITEXT = ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."))
"""Marks that WikiText puts within words and numbers."""
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
WORD = re.compile(r"^[a-z]{3,}$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words as white space parts them, and 64 bits of a hash over seed and words."""

    words: tuple[str, ...]
    number: int

    def draw(self) -> random.Random:
        """Random choices that belong to this sentence, whatever else the text holds."""
        return random.Random(self.number)

    def replaced(self, place: int, *words: str) -> tuple[str, ...]:
        """The words with others from a place on."""
        return (*self.words[:place], *words, *self.words[place + len(words) :])

    def plain_places(self) -> list[int]:
        """Where a word within the sentence, not its first or last, has small letters alone, three or more."""
        return [place for place in range(1, len(self.words) - 1) if WORD.match(self.words[place])]


@lru_cache(maxsize=1)
def sentences_of(texts: tuple[str, ...], shortest: int, longest: int, seed: int) -> tuple[Sentence, ...]:
    """Every sentence of so many words, once, in the order of their numbers.

    A line never runs on into the next. What stands between two ends counts as a sentence; headings of WikiText do not.

    >>> [found.words for found in sentences_of(("It rained . We stayed in .", "= Rain ="), 3, 9, 0)]
    [('We', 'stayed', 'in', '.'), ('It', 'rained', '.')]
    """
    found: dict[tuple[str, ...], None] = {}
    for text in texts:
        for line in text.split("\n"):
            if HEADING.match(line):
                continue
            for mark, plain in WIKITEXT:
                line = line.replace(mark, plain)
            for part in END.sub(r"\1\n", line).split("\n"):
                words = tuple(part.split())
                if shortest <= len(words) <= longest:
                    found[words] = None
    return tuple(sorted((Sentence(w, number_of(" ".join(w), seed)) for w in found), key=lambda s: (s.number, s.words)))


def number_of(text: str, seed: int) -> int:
    """64 bits of SHA-256 over a seed and a text; capitals do not matter."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{text.lower()}".encode()).digest()[:8])


def split_of(number: int) -> str:
    """The split of a number: seven tenths of all are train, one validation and two test.

    >>> split_of(0), split_of(2**64 - 1)
    ('train', 'test')
    """
    share = number / 2**64
    return "train" if share < SHARES["train"] else "test" if share >= 1 - SHARES["test"] else "validation"


def counts(sentences: Sequence[Sentence]) -> list[tuple[str, int]]:
    """Words of small letters with how often they occur, the most frequent first; equals in the order of the alphabet."""
    found = Counter(word for sentence in sentences for word in sentence.words if WORD.match(word))
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
