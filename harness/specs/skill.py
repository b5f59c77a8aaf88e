"""A skill: rows with labels that are made from raw text, to ask what a checkpoint's states tell of a sentence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from harness.specs.model import Spec

SkillName = Literal[
    "sentence_length", "word_content", "bigram_shift", "odd_word_out", "capital_marking", "number_marking"
]
Positive = Annotated[int, Field(gt=0)]
SPLITS = ("train", "validation", "test")
CLASSES: dict[str, tuple[str, ...]] = {
    "bigram_shift": ("as written", "shifted"),
    "odd_word_out": ("as written", "replaced"),
    "capital_marking": ("as written", "capitalised"),
    "number_marking": ("singular", "plural"),
}
"""Names of the classes where no setting changes them."""


class Skill(Spec):
    """Sentences of a text and a question about each: columns ``text`` and ``label``, classes equally frequent.

    The sentences of train, validation and test are told apart by a hash, so that none is in two of them.
    """

    name: SkillName
    splits: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)] = Field(
        ("train",), description="splits of the data whose text is read"
    )
    column: str = Field("text", description="column of the text")
    first: Positive | None = Field(None, description="read the first so many rows of each; default, all")
    seed: int = Field(0, description="of the splits, and of what is swapped or replaced")
    shortest: Annotated[int, Field(ge=3)] = Field(5, description="words of a sentence at least")
    longest: Positive = Field(28, description="words of a sentence at most")
    train: Positive = Field(10000, description="rows at most")
    validation: Positive = Field(2000, description="rows at most")
    test: Positive = Field(2000, description="rows at most")
    bins: Annotated[int, Field(ge=2)] = Field(6, description="sentence_length: classes, of equally many lengths")
    words: Annotated[int, Field(ge=2)] = Field(100, description="word_content: how many words are asked for")
    skipped: Annotated[int, Field(ge=0)] = Field(
        500, description="word_content, odd_word_out: so many of the most frequent words are passed over"
    )

    @model_validator(mode="after")
    def lengths_fill_bins(self) -> Skill:
        """As many lengths as bins at least."""
        lengths = self.longest - self.shortest + 1
        if lengths < 1:
            raise ValueError(f"shortest is {self.shortest} words and longest {self.longest}; nothing is between")
        if self.name == "sentence_length" and lengths < self.bins:
            raise ValueError(f"{self.bins} bins of {lengths} lengths; give fewer bins, or a greater 'longest'")
        return self

    @property
    def edges(self) -> tuple[int, ...]:
        """The least length of each bin, and one more than the greatest, in words.

        >>> Skill(name="sentence_length").edges
        (5, 9, 13, 17, 21, 25, 29)
        """
        lengths = self.longest - self.shortest + 1
        return tuple(self.shortest + number * lengths // self.bins for number in range(self.bins + 1))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in order; the words of ``word_content`` are known only once a text is read."""
        if self.name == "sentence_length":
            return tuple(f"{low} to {high - 1} words" for low, high in zip(self.edges, self.edges[1:], strict=False))
        if self.name == "word_content":
            return tuple(f"word {number}" for number in range(self.words))
        return CLASSES[self.name]
