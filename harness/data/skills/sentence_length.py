"""How long is the sentence? Its words, counted by white space, in bins of equally many lengths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from harness.data.skills.example import SkillExample
from harness.data.skills.sentences import Sentence
from harness.specs import Skill

VERSION = 1


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Every sentence with the number of its bin."""
    for sentence in sentences:
        yield SkillExample.of(sentence, sentence.words, bisect_right(skill.edges, len(sentence.words)) - 1)
