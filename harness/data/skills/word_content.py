"""Which of a few words of middling frequency does the sentence contain?

The words are those of four small letters or more that come next in frequency after the ``skipped`` most frequent ones.
A sentence contains exactly one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.skills.example import SkillExample
from harness.data.skills.sentences import Sentence, counts
from harness.errors import HarnessError
from harness.specs import Skill

VERSION = 1
LETTERS = 4


def examples(sentences: Sequence[Sentence], skill: Skill) -> Iterator[SkillExample]:
    """Sentences that contain one of the words, and which.

    Raises:
        HarnessError: the text has too few words.
    """
    middling = [word for word, _ in counts(sentences)[skill.skipped :] if len(word) >= LETTERS][: skill.words]
    if len(middling) < skill.words:
        raise HarnessError(
            f"skill word_content: the text has {len(middling)} words beyond the {skill.skipped} most frequent; expected "
            f"{skill.words}: lower 'skipped' or 'words', or read more text"
        )
    classes = {word: label for label, word in enumerate(middling)}
    for sentence in sentences:
        found = {classes[word] for word in sentence.words if word in classes}
        if len(found) == 1:
            yield SkillExample.of(sentence, sentence.words, found.pop())
