"""Were two neighbouring words swapped? Both are of small letters, inside the sentence, and differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.skills.example import SkillExample, coin
from harness.data.skills.sentences import Sentence
from harness.specs import Skill

VERSION = 1


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Every sentence that has such a pair, one half of them with a pair swapped."""
    for sentence in sentences:
        plain = set(sentence.plain_places())
        words = sentence.words
        places = [p for p in sorted(plain) if p + 1 in plain and words[p] != words[p + 1]]
        if not places:
            continue
        if coin(sentence) == 0:
            yield SkillExample.of(sentence, words, 0)
        else:
            place = sentence.draw().choice(places)
            yield SkillExample.of(sentence, sentence.replaced(place, words[place + 1], words[place]), 1)
