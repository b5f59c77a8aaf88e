"""Was a word replaced by another of like frequency?

The words that may be replaced have four small letters or more and stand beyond the ``skipped`` most frequent; the other is
drawn from the NEIGHBOURS next to it in the order of frequency, so that rarity gives nothing away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.skills.example import SkillExample, coin
from harness.data.skills.sentences import Sentence, counts
from harness.specs import Skill

VERSION = 1
LETTERS = 4
NEIGHBOURS = 20
OCCURRENCES = 5


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Every sentence that has such a word, one half of them with one replaced."""
    ranked = [
        word
        for word, count in counts(sentences)[skill.skipped :]
        if count >= OCCURRENCES and len(word) >= LETTERS
    ]  # fmt: skip
    ranks = {word: rank for rank, word in enumerate(ranked)}
    for sentence in sentences:
        places = [place for place in sentence.plain_places() if sentence.words[place] in ranks]
        if not places:
            continue
        draw = sentence.draw()
        place = draw.choice(places)
        rank = ranks[sentence.words[place]]
        near = ranked[max(0, rank - NEIGHBOURS) : rank + NEIGHBOURS + 1]
        others = [word for word in near if word not in sentence.words]
        if not others:
            continue
        odd = sentence.replaced(place, draw.choice(others))
        yield SkillExample.of(sentence, odd if coin(sentence) else sentence.words, coin(sentence))
