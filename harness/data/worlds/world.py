"""What every world has: named samples of a language whose probabilities are known, some of them labelled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from harness.data.worlds.choosing import Booleans, Floats, Integers
from harness.errors import HarnessError, nearest

Columns = dict[str, list[Any]]

SPLITS = {"train": 0, "validation": 1, "test": 2}
DECIMALS = 6
"""Log-probabilities and posteriors are rounded: the last bits of a matrix product differ between machines."""

PADDING = -1
"""Stands after the last word of a sentence that is shorter than the longest."""


class Language(Protocol):
    """A distribution over sentences of V words, given by number; (N, T) with `PADDING`, logarithms in nats."""

    @property
    def vocabulary(self) -> int:
        """V."""

    def log_probabilities(self, tokens: Integers) -> Floats:
        """The logarithm of p(x_t | x_<t), (N, T), NaN on padding."""

    def masked_log_probabilities(self, tokens: Integers, mask: Booleans) -> Floats:
        """The logarithm of p(x_t | the words that are not masked) at masked t, NaN elsewhere, (N, T)."""

    def conditionals(self, tokens: Integers, mask: Booleans | None = None, seen: Floats | None = None) -> Floats:
        """p(x_t = word | what is known), (N, T, V); without a mask each word by itself, given all others.

        ``seen`` (N, T, V) stands in place of tokens and mask: how probable what is seen at t is, were the word v.
        """

    def can_tell(self, sentences: int, length: int, hidden: int) -> bool:
        """Whether conditionals can be had where up to ``hidden`` words of a sentence are unknown together."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What accuracy to expect of a labelled configuration, as fractions.

    ``majority`` is the frequency of the most frequent label; ``bayes`` the best accuracy there is, the mean largest
    posterior over ``n`` rows, with its standard error.
    """

    majority: float
    bayes: float
    bayes_stderr: float
    n: int

    @classmethod
    def of(cls, majority: float, posterior: Floats) -> Levels:
        """From p(label | text), (N, classes)."""
        best = posterior.max(axis=1)
        stderr = float(best.std(ddof=1) / np.sqrt(len(best))) if len(best) > 1 else float("nan")
        return cls(majority, float(best.mean()), stderr, len(best))


class World(ABC):
    """A language and its tasks; two worlds with equal options have equal rows."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised by any change that moves a row."""

    portable: ClassVar[bool] = True
    """Whether the same options give the same rows on every machine; if not, their content is part of signatures."""

    options: Any
    """A frozen dataclass with a ``seed``, and ``text_SPLIT`` and ``labelled_SPLIT`` rows."""
    offline: bool = False
    """Whether what a world is made from is looked for in the cache alone."""

    @property
    @abstractmethod
    def configurations(self) -> Mapping[str, int]:
        """Names of the samples, and the number of the random stream that each is drawn from."""

    @property
    @abstractmethod
    def texts(self) -> Collection[str]:
        """Those of the configurations that are plain text, without labels."""

    @abstractmethod
    def language(self, config: str = "text") -> Language:
        """What the sentences of a configuration were drawn from."""

    @abstractmethod
    def chunks(self, config: str, split: str, wanted: Collection[str] | None = None) -> Iterator[Columns]:
        """The rows of a split, some thousands at a time, never all; ``wanted`` names the columns, None for all.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """

    @abstractmethod
    def levels(self, config: str, split: str = "test") -> Levels:
        """Majority and Bayes accuracy of a labelled configuration.

        Raises:
            HarnessError: a configuration without labels, or a split that does not exist.
        """

    @property
    def tasks(self) -> tuple[str, ...]:
        """The configurations that have labels."""
        return tuple(name for name in self.configurations if name not in self.texts)

    def sample(self, config: str, split: str) -> Iterator[Integers]:
        """The sentences of a split by number, (n, T) with `PADDING`, some thousands at a time.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """
        for chunk in self.chunks(config, split, ("text",)):
            yield self.word_numbers(chunk["text"])

    def log_probabilities(self, tokens: Integers, config: str = "text") -> Floats:
        """As `Language.log_probabilities`, of the language of a configuration."""
        return self.language(config).log_probabilities(tokens)

    def masked_log_probabilities(self, tokens: Integers, mask: Booleans, config: str = "text") -> Floats:
        """As `Language.masked_log_probabilities`, of the language of a configuration."""
        return self.language(config).masked_log_probabilities(tokens, mask)

    def conditionals(self, tokens: Integers, mask: Booleans | None = None, config: str = "text") -> Floats:
        """As `Language.conditionals`, of the language of a configuration."""
        return self.language(config).conditionals(tokens, mask)

    def columns(
        self, config: str, split: str, wanted: Collection[str] | None = None, first: int | None = None
    ) -> Columns:
        """The rows of a split, or the first of them, by column.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """
        joined: Columns = {}
        for chunk in self.chunks(config, split, wanted):
            for column, values in chunk.items():
                joined.setdefault(column, []).extend(values)
            if first is not None and len(next(iter(joined.values()), [])) >= first:
                return {column: values[:first] for column, values in joined.items()}
        return joined

    def rows(self, config: str, split: str) -> int:
        """How many rows a split has."""
        return int(getattr(self.options, f"{'text' if config in self.texts else 'labelled'}_{split}"))

    def generator(self, config: str, split: str) -> np.random.Generator:
        """Random numbers of one split of one configuration.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """
        for kind, found, valid in (("config", config, self.configurations), ("split", split, SPLITS)):
            if found not in valid:
                raise HarnessError(f"world {self.name!r}: found unknown {kind} {found!r}; {nearest(found, valid)}")
        stream = (self.configurations[config], SPLITS[split])
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.options.seed, spawn_key=stream)))

    def check_labelled(self, config: str) -> None:
        """Refuse a configuration without labels.

        Raises:
            HarnessError: it has none.
        """
        if config in self.texts:
            raise self.no_labels(config)

    def no_labels(self, config: str) -> HarnessError:
        """What to say of a configuration that has none."""
        valid = ", ".join(self.tasks) or "none"
        return HarnessError(f"world {self.name!r}: found config {config!r}, which has no labels; valid: {valid}")

    def identity(self) -> dict[str, str]:
        """What else than the options decides the rows."""
        return {}

    def word_numbers(self, texts: Collection[str]) -> Integers:
        """Texts back to word numbers, (N, T) with `PADDING`.

        Raises:
            HarnessError: a word that is not of this language.
        """
        numbers = {word: number for number, word in enumerate(self.words())}
        try:
            rows = [[numbers[word] for word in text.split()] for text in texts]
        except KeyError as error:
            found = f"found the word {error}; expected {self.words()[0]} ... {self.words()[-1]}"
            raise HarnessError(f"world {self.name!r}: {found}") from None
        padded = np.full((len(rows), max(map(len, rows), default=0)), PADDING)
        for row, found_words in zip(padded, rows, strict=True):
            row[: len(found_words)] = found_words
        return padded

    def words(self) -> list[str]:
        """The word of each number."""
        return [f"w{word}" for word in range(self.language().vocabulary)]


def at_masked(conditionals: Floats, tokens: Integers, mask: Booleans) -> Floats:
    """The logarithm of the probability (N, T, V) of the true word at masked places, NaN elsewhere, (N, T)."""
    own = np.take_along_axis(conditionals, np.maximum(tokens, 0)[..., None], axis=2)[..., 0]
    there = np.asarray(mask, dtype=bool) & (np.asarray(tokens) != PADDING)
    with np.errstate(divide="ignore"):
        return np.where(there, np.log(own), np.nan)


def sentences(tokens: Integers) -> list[str]:
    """Word numbers as text.

    >>> sentences(np.array([[3, 0], [1, -1]]))
    ['w3 w0', 'w1']
    """
    names = np.array([*(f"w{word}" for word in range(int(tokens.max(initial=0)) + 1)), None], dtype=object)
    found = names[tokens]  # padding, -1, takes the last
    if (tokens[:, -1:] == PADDING).any():
        return [" ".join(row[:length]) for row, length in zip(found, (tokens != PADDING).sum(axis=1), strict=True)]
    return [" ".join(row) for row in found]


def labelled(tokens: Integers, labels: Integers, posterior: Floats, wanted: Collection[str] | None) -> Columns:
    """The columns of labelled sentences."""
    made = {
        "text": lambda: sentences(tokens),
        "label": lambda: labels.tolist(),
        "bayes_label": lambda: posterior.argmax(axis=1).tolist(),
        "bayes_posterior": lambda: posterior.round(DECIMALS).tolist(),
    }
    return {name: make() for name, make in made.items() if wanted is None or name in wanted}
