"""What a generator of a skill gives: a text with its class, and the number that decides its split and place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.data.skills.sentences import Sentence, split_of
from harness.errors import HarnessError
from harness.specs import Skill


@dataclass(frozen=True, slots=True)
class SkillExample:
    """One text. ``number`` orders the rows; ``split_number`` decides the split (the sentence's own, or its word's)."""

    text: str
    label: int
    number: int
    split_number: int

    @classmethod
    def of(cls, sentence: Sentence, words: Sequence[str], label: int) -> SkillExample:
        """Words that a sentence became, in the split of the sentence."""
        return cls(" ".join(words), label, sentence.number, sentence.number)


def coin(sentence: Sentence) -> int:
    """0 or 1, by the last bit of the sentence's number."""
    return sentence.number & 1


def balanced(examples: Iterable[SkillExample], skill: Skill, split: str) -> list[SkillExample]:
    """The first examples of each class in a split, equally many, in the order of their numbers.

    Raises:
        HarnessError: the text has none of some class.
    """
    by_class: dict[int, list[SkillExample]] = {label: [] for label in range(len(skill.classes))}
    for example in examples:
        if split_of(example.split_number) == split:
            by_class[example.label].append(example)
    most = max(1, int(getattr(skill, split)) // len(by_class))
    least = min(by_class, key=lambda label: len(by_class[label]))
    if not by_class[least]:
        raise HarnessError(
            f"skill {skill.name}: the text of {', '.join(skill.splits)} gives no sentence of class "
            f"{skill.classes[least]!r} for {split}; read more text, or widen shortest ({skill.shortest}) and longest ({skill.longest})"
        )
    count = min(most, len(by_class[least]))
    chosen = [example for found in by_class.values() for example in sorted(found, key=lambda e: e.number)[:count]]
    return sorted(chosen, key=lambda example: (example.number, example.text))
