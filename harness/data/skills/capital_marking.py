"""Was the first letter of a word inside the sentence made a capital? The word has small letters in the text.

One letter's case tells the classes apart and nothing else does: a checkpoint whose tokenizer lower-cases stands at chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.skills.example import SkillExample, coin
from harness.data.skills.sentences import Sentence
from harness.specs import Skill

VERSION = 1


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Every sentence that has such a word, one half of them with one capitalised."""
    for sentence in sentences:
        places = sentence.plain_places()
        if places:
            place = sentence.draw().choice(places)
            marked = sentence.replaced(place, sentence.words[place].capitalize())
            yield SkillExample.of(sentence, marked if coin(sentence) else sentence.words, coin(sentence))
