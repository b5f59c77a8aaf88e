"""The world "pcfg": text of a probabilistic context-free grammar, and tasks on it with exact Bayes levels.

Configurations (columns):

- ``text`` (text, log_probability): sentences, with their exact log-probability in nats.
- ``text_control`` (the same): an independent sample of the same language, whose expected loss is that of ``text``.
- ``text_shift`` (the same): of the language whose rules and words are reweighted by draws of Gamma(``shift``); the
  smaller ``shift``, the less the loss on it follows the loss on ``text``.
- ``root``, and ``span_L`` for spans of L words (text, label, bayes_label, bayes_posterior): the likeliest symbol, given
  the sentence, at the root and over the first L words. It is decoded, not drawn: the best accuracy is 1.
- ``root_drawn`` (the same): the symbol that the sentence did come of. The best accuracy is the mean largest posterior.
- ``depth`` (the same; only where trees are free): which of ``depth_classes`` ranges the depth of the tree lies in that
  the sentence did come of; the ranges are as equally frequent as they can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from harness.data.worlds.choosing import Floats, Integers
from harness.data.worlds.derivations import Derivations
from harness.data.worlds.grammar import Grammar
from harness.data.worlds.options import option, parse_options
from harness.data.worlds.pcfg import Pcfg
from harness.data.worlds.trees import Balanced, Free
from harness.data.worlds.world import DECIMALS, Columns, Levels, World, labelled, sentences
from harness.errors import HarnessError

SHIFT_STREAM = 2
SPAN_STREAM = 100
"""The sample ``span_L`` is drawn from stream 100 + L."""


@dataclass(frozen=True, slots=True)
class PcfgOptions:
    """What a spec may say of the world "pcfg"; each row count is of one split of one configuration.

    ``depth`` 0 makes trees free: they have ``shortest`` to ``longest`` words, and a symbol becomes a word with
    probability ``stop``. ``invertible`` 1 gives every word, and every pair of symbols, one symbol to come of.
    """

    depth: int = option(3, 0, 6)
    nonterminals: int = option(8, 1, 64)
    vocabulary: int = option(40, 2, 65536)
    rules: int = option(3, 1, 4096)
    seed: int = option(0, 0, 2**32 - 1)
    rule_concentration: float = option(0.5, 0.001, 1000.0)
    emission_concentration: float = option(0.15, 0.001, 1000.0)
    invertible: int = option(0, 0, 1)
    stop: float = option(0.5, 0.01, 0.99)
    shortest: int = option(2, 1, 64)
    longest: int = option(16, 2, 64)
    shift: float = option(1.0, 0.01, 1000.0)
    depth_classes: int = option(3, 2, 16)
    text_train: int = option(20000, 1, 100_000_000)
    text_validation: int = option(1000, 1, 100_000_000)
    text_test: int = option(1000, 1, 100_000_000)
    labelled_train: int = option(4000, 1, 100_000_000)
    labelled_validation: int = option(1000, 1, 100_000_000)
    labelled_test: int = option(1000, 1, 100_000_000)


class PcfgWorld(World):
    """One grammar and its tasks; two worlds with equal options have equal rows."""

    name: ClassVar[str] = "pcfg"
    version: ClassVar[int] = 1
    texts: ClassVar[tuple[str, ...]] = ("text", "text_control", "text_shift")

    def __init__(self, options: dict[str, object]) -> None:
        """Check the options and draw the grammar.

        Raises:
            HarnessError: an unknown option, a wrong type, a value out of range, or sizes that do not fit together.
        """
        self.options = parse_options(PcfgOptions, "pcfg", options)
        self._check()
        o = self.options
        grammar = Grammar.random(
            o.nonterminals, o.vocabulary, o.rules, o.seed, rule_concentration=o.rule_concentration,
            emission_concentration=o.emission_concentration, stop=None if o.depth else o.stop,
            invertible=bool(o.invertible),
        )  # fmt: skip
        self.model = Pcfg(grammar, Balanced(o.depth) if o.depth else Free(o.shortest, o.longest))

    def _check(self) -> None:
        o = self.options
        most = o.nonterminals if o.invertible else o.nonterminals**2
        for wrong, found, expected in (
            (o.rules > most, f"rules {o.rules} with nonterminals {o.nonterminals}", f"at most {most} rules a symbol"),
            (o.invertible and o.vocabulary < o.nonterminals, f"vocabulary {o.vocabulary}", "a word for each symbol"),
            (o.shortest > o.longest, f"shortest {o.shortest} with longest {o.longest}", "shortest at most longest"),
            (o.depth_classes >= o.longest, f"depth_classes {o.depth_classes}", f"fewer than longest, {o.longest}"),
        ):
            if wrong:
                raise HarnessError(f"world 'pcfg': found {found}; expected {expected}")

    @property
    def configurations(self) -> Mapping[str, int]:
        """Texts, the root, the depth where trees are free, and a span of each length that branches."""
        longest = self.model.shape.lengths().stop - 1
        depth = {} if self.options.depth else {"depth": 5}
        spans = {f"span_{n}": SPAN_STREAM + n for n in self.model.shape.spans(longest)}
        return {"text": 0, "text_control": 1, "text_shift": SHIFT_STREAM, "root": 3, "root_drawn": 4} | depth | spans

    def language(self, config: str = "text") -> Pcfg:
        """The grammar and shape that a configuration is drawn from."""
        if config == "text_shift":
            return self.shifted
        shape = self.model.shape
        if config.startswith("span_") and isinstance(shape, Free):
            return Pcfg(self.model.grammar, Free(max(shape.shortest, span_of(config)), shape.longest))
        return self.model

    @cached_property
    def shifted(self) -> Pcfg:
        """The language of ``text_shift``."""
        return Pcfg(self.model.grammar.shifted(self.options.shift, self.options.seed), self.model.shape)

    def chunks(self, config: str, split: str, wanted: Collection[str] | None = None) -> Iterator[Columns]:
        """The rows of a split."""
        generator, language = self.generator(config, split), self.language(config)
        for drawn in language.sample(self.rows(config, split), generator):
            if config in self.texts:
                found: Columns = {"text": sentences(drawn.words)} if wanted is None or "text" in wanted else {}
                if wanted is None or "log_probability" in wanted:
                    scores = language.sentence_log_probabilities(drawn.words)
                    found["log_probability"] = scores.round(DECIMALS).tolist()
                yield found
            else:
                yield labelled(drawn.words, *self._labels(config, language, drawn), wanted)

    def levels(self, config: str, split: str = "test") -> Levels:
        """Majority and Bayes accuracy of a labelled configuration, both over the rows of the split."""
        self.check_labelled(config)
        generator, language = self.generator(config, split), self.language(config)
        found = [self._labels(config, language, d) for d in language.sample(self.rows(config, split), generator)]
        labels, posterior = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Levels.of(float(np.bincount(labels).max() / len(labels)), posterior)

    def _labels(self, config: str, language: Pcfg, drawn: Derivations) -> tuple[Integers, Floats]:
        """Labels (N,) and p(label | text), (N, classes)."""
        if config == "depth":
            return np.searchsorted(self.depth_limits, drawn.depth), self._depths(language, drawn.words)
        posterior = language.first_span(drawn.words, span_of(config) if config.startswith("span_") else 0)
        if config == "root_drawn":
            return drawn.root, posterior
        decoded = posterior.round(DECIMALS).argmax(axis=1)  # rounded: ties fall alike on every machine
        return decoded, np.eye(posterior.shape[1])[decoded]

    @cached_property
    def depth_limits(self) -> Integers:
        """The greatest depth of each range but the last, (classes - 1,)."""
        reached = self.model.depths()
        wanted = np.arange(1, self.options.depth_classes) / self.options.depth_classes
        return np.abs(reached[:, None] - wanted).argmin(axis=0)

    def _depths(self, language: Pcfg, words: Integers) -> Floats:
        """p(range of the depth | text), (N, classes)."""
        reached = language.depth_posterior(words)[:, self.depth_limits]
        edge = np.zeros((len(words), 1))
        return np.diff(np.concatenate([edge, reached, edge + 1.0], axis=1), axis=1)


def span_of(config: str) -> int:
    """The length that the name of a configuration says.

    >>> span_of("span_4")
    4
    """
    return int(config.removeprefix("span_"))
