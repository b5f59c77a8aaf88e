"""The rules of the world "synchronous": one derivation puts a sentence in two languages at once.

The source language is head-final (the verb comes last, what a noun has comes before it), the target language is not.
A symbol in capitals is expanded or becomes a content word; anything else is a function word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

CATEGORIES = ("NAME", "N", "A", "V1", "V2", "ADV", "P")
"""Names, nouns, adjectives, verbs without and with an object, adverbs, pre- or postpositions."""
ARTICLE = "the"

RULES = (
    ("S", "NP V1^0", "0 1"),
    ("S", "NP NP V2^1", "0 2 1"),
    ("S", "NP NP V2^1 nai", "0 not 2 1"),
    ("S", "ADV NP NP V2^2", "1 3 2 0"),
    ("S", "ADV NP NP V2^2", "0 1 3 2"),
    ("S", "NP NP V2^1 ka ?", "2 0 1 4"),
    ("S", "NP reru V2^0", "0 is 2"),
    ("S", "NP V2^0 !", "1 0 2"),
    ("S", "NP P^0 NP V1^2", "2 3 1 0"),
    ("S", "NP P^0 NP V1^2", "1 0 2 3"),
    ("S", "NP V1^0 to BP V1^3", "0 1 and 3 4"),
    ("NP", "NAME", "0"),
    ("NP", "N", "the(0) 0"),
    ("NP", "A^1 N", "the(1) 1 0"),
    ("NP", "BP no N", "the(2) 2 of 0"),
    ("NP", "BP V2^0 ru N", "the(3) 3 that 1 0"),
    ("BP", "NAME", "0"),
    ("BP", "N", "the(0) 0"),
    ("BP", "A^1 N", "the(1) 1 0"),
)
"""What is expanded, its source, its target.

``V2^1``: which translation a word has depends on the class of the head of the part numbered 1, which is its last word.
In a target a number is a part, and ``the(1)`` an article that agrees with the noun numbered 1: nothing in the source
tells of it. Two rules with one source are two orders that a translator may choose from.
"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A derivation without its content words.

    Attributes:
        rules: numbers of the rules used.
        source: categories and function words.
        contexts: for every place of the source, the place of the word that its translation depends on, or -1.
        target: categories, function words and ``the``, each with the place of the source that it comes of, or -1.
    """

    rules: tuple[int, ...]
    source: tuple[str, ...]
    contexts: tuple[int, ...]
    target: tuple[tuple[str, int], ...]


@cache
def patterns(symbol: str = "S") -> tuple[Pattern, ...]:
    """All derivations of a symbol.

    >>> patterns("NP")[2].source, patterns("NP")[2].target
    (('A', 'N'), (('the', 1), ('N', 1), ('A', 0)))
    """
    if symbol in CATEGORIES:
        return (Pattern((), (symbol,), (-1,), ((symbol, 0),)),)
    if not any(parent == symbol for parent, _, _ in RULES):
        return (Pattern((), (symbol,), (-1,), ((symbol, -1),)),)
    return tuple(
        found for number, (parent, _, _) in enumerate(RULES) if parent == symbol for found in derivations_of(number)
    )


def derivations_of(number: int) -> Iterator[Pattern]:
    """All derivations that begin with a rule."""
    _, source, target = RULES[number]
    parts = [part.split("^") for part in source.split()]
    for children in itertools.product(*(patterns(name) for name, *_ in parts)):
        starts = [0, *itertools.accumulate(len(child.source) for child in children)]
        contexts: list[int] = []
        for child, (_, *context), start in zip(children, parts, starts, strict=False):
            inner = [place + start if place >= 0 else -1 for place in child.contexts]
            contexts += [starts[int(context[0]) + 1] - 1] if context else inner
        yield Pattern(
            (number, *(rule for child in children for rule in child.rules)),
            tuple(word for child in children for word in child.source),
            tuple(contexts),
            tuple(item for word in target.split() for item in put(word, children, starts)),
        )


def put(word: str, children: tuple[Pattern, ...], starts: list[int]) -> list[tuple[str, int]]:
    """What a word of a rule's target stands for."""
    article = re.fullmatch(rf"{ARTICLE}\((\d)\)", word)
    if article:
        return [(ARTICLE, starts[int(article[1])])]
    if not word.isdigit():
        return [(word, -1)]
    child, start = children[int(word)], starts[int(word)]
    return [(symbol, place + start if place >= 0 else -1) for symbol, place in child.target]
