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

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from harness.data.worlds.hmm import Entropy, Floats, HiddenMarkovModel, Integers, stationary
from harness.data.worlds.options import option, parse_options
from harness.errors import HarnessError, nearest

Columns = dict[str, list[Any]]

GENERATOR_VERSION = 1
"""Raised by any change that moves a row."""

SPLITS = {"train": 0, "validation": 1, "test": 2}
DECIMALS = 6
"""Log-probabilities and posteriors are rounded: the last bits of a matrix product differ between machines."""


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


class HiddenMarkovWorld:
    """One language and its tasks; two worlds with equal options have equal rows."""

    configurations: ClassVar[dict[str, int]] = {"text": 0, "text_control": 1, "state": 2, "source": 3}

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

    def columns(self, config: str, split: str) -> Columns:
        """All rows of one split of one configuration, by column.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """
        generator = self._generator(config, split)
        if config in ("text", "text_control"):
            words, _ = self.model.sample(self._rows("text", split), self.options.length, generator)
            return {"text": sentences(words)} | self._log_probabilities(words)
        words, labels = self._labelled(config, split, generator)
        posterior = self._posterior(config, words)
        return {
            "text": sentences(words),
            "label": labels.tolist(),
            "bayes_label": posterior.argmax(axis=1).tolist(),
            "bayes_posterior": posterior.round(DECIMALS).tolist(),
        }

    def levels(self, config: str, split: str = "test") -> Levels:
        """Majority and Bayes accuracy of a labelled configuration.

        Raises:
            HarnessError: a configuration without labels, or a split that does not exist.
        """
        if config in ("text", "text_control"):
            raise HarnessError(f"world 'hmm': found config {config!r}, which has no labels; valid: state, source")
        words, _ = self._labelled(config, split, self._generator(config, split))
        best = self._posterior(config, words).max(axis=1)
        stderr = float(best.std(ddof=1) / np.sqrt(len(best))) if len(best) > 1 else float("nan")
        return Levels(self._majority(config), float(best.mean()), stderr, len(best))

    def entropy(self, sequences: int = 20000) -> Entropy:
        """Entropy of the language in nats per token at this length: the least loss a causal model can reach."""
        return self.model.entropy(self.options.length, sequences, self.options.seed)

    def word_numbers(self, texts: list[str]) -> Integers:
        """Texts of one length back to word numbers, (N, T).

        Raises:
            HarnessError: a word that is not of this language, or texts of different lengths.
        """
        numbers = {f"w{word}": word for word in range(self.options.vocabulary)}
        try:
            rows = [[numbers[word] for word in text.split()] for text in texts]
        except KeyError as error:
            last = self.options.vocabulary - 1
            raise HarnessError(f"world 'hmm': found the word {error}; expected w0 ... w{last}") from None
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            raise HarnessError(f"world 'hmm': found texts of {sorted(lengths)} words; expected one length")
        return np.array(rows, dtype=np.int64)

    def _generator(self, config: str, split: str) -> np.random.Generator:
        for kind, found, valid in (("config", config, self.configurations), ("split", split, SPLITS)):
            if found not in valid:
                raise HarnessError(f"world 'hmm': found unknown {kind} {found!r}; {nearest(found, valid)}")
        stream = (self.configurations[config], SPLITS[split])
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.options.seed, spawn_key=stream)))

    def _rows(self, kind: str, split: str) -> int:
        return int(getattr(self.options, f"{kind}_{split}"))

    def _log_probabilities(self, words: Integers) -> Columns:
        scores = self.model.log_probabilities(words)
        return {
            "log_probability": scores.sum(axis=1).round(DECIMALS).tolist(),
            "token_log_probabilities": scores.round(DECIMALS).tolist(),
        }

    def _labelled(self, config: str, split: str, generator: np.random.Generator) -> tuple[Integers, Integers]:
        rows, length = self._rows("labelled", split), self.options.length
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


def sentences(words: Integers) -> list[str]:
    """Word numbers as text.

    >>> sentences(np.array([[3, 0]]))
    ['w3 w0']
    """
    names = np.array([f"w{word}" for word in range(int(words.max(initial=0)) + 1)], dtype=object)
    return [" ".join(row) for row in names[words]]
