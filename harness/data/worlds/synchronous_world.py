"""The world "synchronous": pairs of a sentence and its translation in several domains, with exact probabilities.

Configurations: ``general``, and ``domain_a``, ``domain_b`` and ``domain_c``, which differ from it in constructions, words
and in which translation a word has; ``distance_a`` and so on say how far, from 0, the general domain itself, to 1.

Columns: ``source``, ``target``; ``best``, the most probable translation; ``log_probability`` of the target given the
source and ``best_log_probability``, in nats; ``entropy`` of the target given this source, in nats.

Every split of every configuration is drawn from random numbers of its own, and nothing is left out after that: a pair
of the test split occurs among those trained on as often as chance has it (`repeats` tells), short ones above all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from harness.data.worlds.choosing import Floats
from harness.data.worlds.options import option, parse_options
from harness.data.worlds.synchronous import ConditionalEntropy, Drawn, SynchronousLanguage
from harness.data.worlds.synchronous_lexicon import Lexicon, Probabilities, function_words
from harness.data.worlds.synchronous_patterns import PatternTable
from harness.data.worlds.synchronous_reader import Reader
from harness.data.worlds.synchronous_rules import patterns
from harness.data.worlds.world import DECIMALS, Columns, Language, Levels, World
from harness.errors import HarnessError

REDRAWN_STREAM = 7


@dataclass(frozen=True, slots=True)
class SynchronousOptions:
    """What a spec may say of the world "synchronous"; ``domain_`` row counts are of each of the three domains.

    ``ambiguity`` is the share of words with several translations; the smaller the concentrations, the less evenly rules
    and translations are chosen.
    """

    names: int = option(16, 3, 65536)
    nouns: int = option(60, 3, 65536)
    adjectives: int = option(24, 3, 65536)
    verbs: int = option(24, 3, 65536)
    adverbs: int = option(12, 3, 65536)
    postpositions: int = option(6, 3, 65536)
    ambiguity: float = option(0.5, 0.0, 1.0)
    distance_a: float = option(0.3, 0.0, 1.0)
    distance_b: float = option(0.6, 0.0, 1.0)
    distance_c: float = option(0.9, 0.0, 1.0)
    rule_concentration: float = option(2.0, 0.01, 1000.0)
    sense_concentration: float = option(0.3, 0.01, 1000.0)
    seed: int = option(0, 0, 2**32 - 1)
    general_train: int = option(20000, 1, 100_000_000)
    general_validation: int = option(500, 1, 100_000_000)
    general_test: int = option(1000, 1, 100_000_000)
    domain_train: int = option(4000, 1, 100_000_000)
    domain_validation: int = option(500, 1, 100_000_000)
    domain_test: int = option(1000, 1, 100_000_000)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How good the most probable translations are against targets drawn by chance, for the sources of a split.

    ``exact`` is the probability that they are the target, exact for these sources; ``bleu`` (0 to 100) the mean of
    sacreBLEU's corpus value over several draws of all targets, ``bleu_spread`` its standard deviation between draws.
    """

    exact: float
    bleu: float
    bleu_spread: float
    pairs: int


class SynchronousWorld(World):
    """Two languages and four domains; two worlds with equal options have equal rows."""

    name: ClassVar[str] = "synchronous"
    version: ClassVar[int] = 1
    configurations: ClassVar[dict[str, int]] = {"general": 0, "domain_a": 1, "domain_b": 2, "domain_c": 3}
    texts: ClassVar[tuple[str, ...]] = tuple(configurations)

    def __init__(self, options: dict[str, object]) -> None:
        """Check the options and draw the lexicon.

        Raises:
            HarnessError: an unknown option, a wrong type or a value out of range.
        """
        self.options = parse_options(SynchronousOptions, "synchronous", options)
        o = self.options
        sizes = (o.names, o.nouns, o.adjectives, o.verbs, o.verbs, o.adverbs, o.postpositions)
        self.lexicon = Lexicon.random(sizes, o.ambiguity, o.seed)
        self.table = PatternTable(patterns(), function_words(0), function_words(1))
        self._domains: dict[str, SynchronousLanguage] = {}

    @cached_property
    def reader(self) -> Reader:
        """Reads texts of both languages."""
        return Reader(self.table, self.lexicon)

    def domain(self, config: str) -> SynchronousLanguage:
        """Both languages as a configuration has them.

        Raises:
            HarnessError: a configuration that does not exist.
        """
        self.generator(config, "train")
        if config not in self._domains:
            probabilities = self._own("general")
            if config != "general":
                share = float(getattr(self.options, config.replace("domain", "distance")))
                probabilities = probabilities.mixed(self._own(config), share)
            self._domains[config] = SynchronousLanguage(self.table, self.lexicon, probabilities)
        return self._domains[config]

    def _own(self, config: str) -> Probabilities:
        o = self.options
        return Probabilities.random(
            self.lexicon, self.configurations[config], len(self.configurations), o.seed,
            rule_concentration=o.rule_concentration, sense_concentration=o.sense_concentration,
        )  # fmt: skip

    def rows(self, config: str, split: str) -> int:
        """How many pairs a split has."""
        return int(getattr(self.options, f"{config.split('_')[0]}_{split}"))

    def chunks(self, config: str, split: str, wanted: Collection[str] | None = None) -> Iterator[Columns]:
        """The rows of a split."""
        generator, language = self.generator(config, split), self.domain(config)
        made = {
            "source": language.sources,
            "target": language.targets,
            "best": lambda drawn: language.targets(language.best(drawn)),
            "log_probability": lambda drawn: language.log_probabilities(drawn).round(DECIMALS).tolist(),
            "best_log_probability": lambda d: language.log_probabilities(language.best(d)).round(DECIMALS).tolist(),
            "entropy": lambda drawn: language.entropies(drawn).round(DECIMALS).tolist(),
        }
        for drawn in language.sample(self.rows(config, split), generator):
            yield {name: make(drawn) for name, make in made.items() if wanted is None or name in wanted}

    def entropy(self, config: str = "general") -> ConditionalEntropy:
        """Entropy of the target given the source on average over a domain, exact."""
        return self.domain(config).entropy()

    def conditional_entropy_of(self, config: str, sources: Sequence[str]) -> Floats:
        """Entropy of the target given each source, nats, (N,).

        Raises:
            HarnessError: an unknown configuration, or a source that is no sentence of the language.
        """
        return self.domain(config).entropies(self.reader.read(sources)[0])

    def conditional_log_probabilities_of(self, config: str, sources: Sequence[str], targets: Sequence[str]) -> Floats:
        """The logarithm of p(target | source) of each pair, (N,); -inf where the target is no translation of the source.

        Raises:
            HarnessError: an unknown configuration, or a source that is no sentence of the language.
        """
        drawn, possible = self.reader.read(sources, targets)
        return np.where(possible, self.domain(config).log_probabilities(drawn), -np.inf)

    def best_translations_of(self, config: str, sources: Sequence[str]) -> list[str]:
        """The most probable translation of each source.

        Raises:
            HarnessError: an unknown configuration, or a source that is no sentence of the language.
        """
        language = self.domain(config)
        return language.targets(language.best(self.reader.read(sources)[0]))

    def ceiling(self, config: str, split: str = "test", draws: int = 4) -> Ceiling:
        """How good the most probable translations of a split's sources are.

        Raises:
            HarnessError: a configuration or split that does not exist.
        """
        from sacrebleu.metrics import BLEU

        language, generator = self.domain(config), self.generator(config, split)
        drawn = joined_draws(list(language.sample(self.rows(config, split), generator)))
        best = language.best(drawn)
        exact, texts = np.exp(language.log_probabilities(best)), language.targets(best)
        again = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.options.seed, spawn_key=(REDRAWN_STREAM,)))
        )
        others = [language.targets(language.translated(drawn, again)) for _ in range(draws)]
        values = [BLEU().corpus_score(texts, [targets]).score for targets in others]
        return Ceiling(float(exact.mean()), float(np.mean(values)), float(np.std(values, ddof=1)), len(drawn))

    def repeats(self, config: str, of: str = "general") -> float:
        """The share of pairs of a configuration's test split that the training split of ``of`` has too.

        Raises:
            HarnessError: a configuration that does not exist.
        """
        train, test = (
            self.columns(name, split, ("source", "target")) for name, split in ((of, "train"), (config, "test"))
        )
        seen = set(zip(train["source"], train["target"], strict=True))
        return float(np.mean([pair in seen for pair in zip(test["source"], test["target"], strict=True)]))

    def words(self) -> list[str]:
        """All words of both languages, each once."""
        return list(dict.fromkeys([*self.lexicon.source, *self.lexicon.target]))

    def language(self, config: str = "general") -> Language:
        """No configuration is text of one language.

        Raises:
            HarnessError: always.
        """
        raise HarnessError(
            f"world 'synchronous': {config!r} is pairs of two languages, and there are no probabilities of one alone; "
            "use a task of kind translation"
        )

    def levels(self, config: str, split: str = "test") -> Levels:
        """No configuration has labels.

        Raises:
            HarnessError: always.
        """
        self.generator(config, split)
        raise self.no_labels(config)


def joined_draws(parts: Sequence[Drawn]) -> Drawn:
    """Several draws as one."""
    return Drawn(*(np.concatenate([getattr(p, name) for p in parts]) for name in Drawn.__dataclass_fields__))
