"""The world "hmm": text from a hidden Markov model, and tasks on it with exact Bayes and majority levels.

Configurations (columns):

- ``text`` (text, log_probability, token_log_probabilities): sentences, with their exact log-probability in nats.
- ``text_control`` (the same): an independent sample of the same language. A model's expected loss on it is its
  expected loss on ``text``, so that a slope of one loss on the other is 1 by construction.
- ``state`` (text, label, bayes_label, bayes_posterior): to which of ``classes`` groups of hidden states the last word's
  state belongs. All groups but for rounding are equally frequent.
- ``source`` (text, label, bayes_label, bayes_posterior): 1 for a sentence of this language, 0 for one of a language
  with the same word frequencies whose chain runs backwards in a share ``contrast`` of its steps.

A label is drawn, not decoded: the best accuracy is the mean largest posterior, below 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from harness.data.worlds.choosing import Floats, Integers
from harness.data.worlds.hmm import CHUNK, Entropy, HiddenMarkovModel, stationary
from harness.data.worlds.options import option, parse_options
from harness.data.worlds.world import DECIMALS, Columns, Levels, World, labelled, sentences
from harness.errors import HarnessError


@dataclass(frozen=True, slots=True)
class HiddenMarkovOptions:
    """What a spec may say of the world "hmm"; each row count is of one split of one configuration."""

    states: int = option(16, 2, 1024)
    vocabulary: int = option(64, 2, 65536)
    length: int = option(32, 2, 4096)
    seed: int = option(0, 0, 2**32 - 1)
    permutations: int = option(1, 1, 16)
    jump: float = option(0.05, 0.0, 1.0)
    emission_concentration: float = option(0.2, 0.001, 1000.0)
    classes: int = option(4, 2, 1024)
    contrast: float = option(0.5, 0.0, 1.0)
    text_train: int = option(20000, 1, 100_000_000)
    text_validation: int = option(1000, 1, 100_000_000)
    text_test: int = option(1000, 1, 100_000_000)
    labelled_train: int = option(1000, 1, 100_000_000)
    labelled_validation: int = option(1000, 1, 100_000_000)
    labelled_test: int = option(1000, 1, 100_000_000)


class HiddenMarkovWorld(World):
    """One language and its tasks; two worlds with equal options have equal rows."""

    name: ClassVar[str] = "hmm"
    version: ClassVar[int] = 1
    configurations: ClassVar[dict[str, int]] = {"text": 0, "text_control": 1, "state": 2, "source": 3}
    texts: ClassVar[tuple[str, ...]] = ("text", "text_control")

    def __init__(self, options: dict[str, object]) -> None:
        """Check the options and draw the language.

        Raises:
            HarnessError: an unknown option, a wrong type, a value out of range, or more classes than states.
        """
        self.options = parse_options(HiddenMarkovOptions, "hmm", options)
        if self.options.classes > self.options.states:
            found = f"classes {self.options.classes} with states {self.options.states}"
            raise HarnessError(f"world 'hmm': found {found}; expected at most one class a state: raise states")
        self.model = HiddenMarkovModel.random(
            self.options.states,
            self.options.vocabulary,
            self.options.seed,
            self.options.permutations,
            self.options.jump,
            self.options.emission_concentration,
        )

    def language(self, config: str = "text") -> HiddenMarkovModel:
        """The model of all texts; half of the rows of ``source`` are of another one."""
        return self.model

    def chunks(self, config: str, split: str, wanted: Collection[str] | None = None) -> Iterator[Columns]:
        """The rows of a split; those with labels all at once."""
        generator, rows = self.generator(config, split), self.rows(config, split)
        if config not in self.texts:
            words, labels = self._labelled(config, split, generator)
            yield labelled(words, labels, self._posterior(config, words), wanted)
            return
        for start in range(0, rows, CHUNK):
            words, _ = self.model.sample(min(CHUNK, rows - start), self.options.length, generator)
            scores = {} if wanted is not None and set(wanted) == {"text"} else self._log_probabilities(words)
            found = {"text": sentences(words)} | scores
            yield {name: values for name, values in found.items() if wanted is None or name in wanted}

    def levels(self, config: str, split: str = "test") -> Levels:
        """Majority and Bayes accuracy of a labelled configuration."""
        self.check_labelled(config)
        words, _ = self._labelled(config, split, self.generator(config, split))
        return Levels.of(self._majority(config), self._posterior(config, words))

    def entropy(self, sequences: int = 20000) -> Entropy:
        """Entropy of the language in nats per token at this length: the least loss a causal model can reach."""
        return self.model.entropy(self.options.length, sequences, self.options.seed)

    def word_numbers(self, texts: Collection[str]) -> Integers:
        """Texts of one length back to word numbers, (N, T).

        Raises:
            HarnessError: a word that is not of this language, or texts of different lengths.
        """
        lengths = {len(text.split()) for text in texts}
        if len(lengths) > 1:
            raise HarnessError(f"world 'hmm': found texts of {sorted(lengths)} words; expected one length")
        return super().word_numbers(texts)

    def _log_probabilities(self, words: Integers) -> Columns:
        scores = self.model.log_probabilities(words)
        return {
            "log_probability": scores.sum(axis=1).round(DECIMALS).tolist(),
            "token_log_probabilities": scores.round(DECIMALS).tolist(),
        }

    def _labelled(self, config: str, split: str, generator: np.random.Generator) -> tuple[Integers, Integers]:
        rows, length = self.rows(config, split), self.options.length
        words, hidden = self.model.sample(rows, length, generator)
        if config == "state":
            return words, self._groups()[hidden[:, -1]]
        labels = generator.integers(0, 2, size=rows)
        others, _ = self._contrast().sample(rows, length, generator)
        return np.where(labels[:, None] == 1, words, others), labels

    def _posterior(self, config: str, words: Integers) -> Floats:
        """p(label | text), (N, classes)."""
        if config == "state":
            return self.model.filtered(words) @ np.eye(self.options.classes)[self._groups()]
        ours = self.model.log_probabilities(words).sum(axis=1)
        theirs = self._contrast().log_probabilities(words).sum(axis=1)
        top = np.maximum(ours, theirs)
        weights = np.exp(np.stack([theirs - top, ours - top], axis=1))
        return weights / weights.sum(axis=1, keepdims=True)

    def _majority(self, config: str) -> float:
        if config == "source":
            return 0.5
        return float(np.bincount(self._groups(), weights=stationary(self.model.transition)).max())

    def _groups(self) -> Integers:
        """The class of each state, (S,)."""
        return np.arange(self.options.states) * self.options.classes // self.options.states

    def _contrast(self) -> HiddenMarkovModel:
        return self.model.reversed(self.options.contrast)
