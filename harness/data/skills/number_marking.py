"""Is the noun marked as a plural by its ending -s?

Without a parser a noun is a word that follows the, his, her, its, their, our or your, which go with both numbers, and that the
text has after them both with and without -s. A sentence has exactly one. Splits are made by noun, so that the nouns of test
were not trained on: what is asked is the number, and not which words are plurals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from harness.data.skills.example import SkillExample
from harness.data.skills.sentences import WORD, Sentence, number_of
from harness.specs import Skill

VERSION = 1
BEFORE = frozenset(["the", "his", "her", "its", "their", "our", "your"])
OCCURRENCES = 2
"""Of each of the two forms, in the whole text."""


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Every sentence that has one such noun, and whether it is a plural."""
    seen: dict[str, int] = {}
    for sentence in sentences:
        for word in after_determiners(sentence):
            seen[word] = seen.get(word, 0) + 1
    often = {word for word, count in seen.items() if count >= OCCURRENCES}
    singulars = {word for word in often if f"{word}s" in often}
    for sentence in sentences:
        found = [w for w in after_determiners(sentence) if w in singulars or w.removesuffix("s") in singulars]
        if len(found) == 1:
            plural = found[0] not in singulars
            stem = found[0].removesuffix("s") if plural else found[0]
            text = " ".join(sentence.words)
            yield SkillExample(text, int(plural), sentence.number, number_of(stem, skill.seed))


def after_determiners(sentence: Sentence) -> list[str]:
    """Words of small letters that follow a determiner."""
    return [word for before, word in pairwise(sentence.words) if before.lower() in BEFORE and WORD.match(word)]
