"""Words of a text as numbers, and its n-grams: hashed, so that memory does not grow with the text."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+|[^\w\s]")
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Hashes = NDArray[np.uint64]


@lru_cache(maxsize=200_000)
def hashed(word: str) -> int:
    """64 bits of a word, the same on every machine."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")


def words_of(text: str) -> Hashes:
    """Words and marks of a text in lower case, hashed: ``(W,)``.

    >>> words_of("One, two.").shape, bool(words_of("ONE")[0] == words_of("one")[0])
    ((4,), True)
    """
    return np.array([hashed(word) for word in WORD.findall(text.lower())], dtype=np.uint64)


def ngrams_of(words: Hashes, n: int) -> Hashes:
    """Hash of every ``n`` words in a row: ``(W - n + 1,)``, none where there are fewer words.

    >>> a, b = (ngrams_of(words_of(text), 2) for text in ("a b a b", "b a"))
    >>> bool(a[0] == a[2]), bool(a[1] == b[0]), bool(a[0] == b[0])
    (True, True, False)
    """
    count = len(words) - n + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    found = np.zeros(count, dtype=np.uint64)
    for place in range(n):
        found = (found ^ words[place : place + count]) * MULTIPLIER
        found ^= found >> np.uint64(29)
    return found
