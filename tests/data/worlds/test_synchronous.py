"""Exact probabilities of the translation of a synchronous grammar, against the enumeration of all pairs."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from harness.data.worlds.synchronous import Drawn, SynchronousLanguage
from harness.data.worlds.synchronous_lexicon import SENSES, Lexicon, Probabilities, function_words
from harness.data.worlds.synchronous_patterns import PatternTable
from harness.data.worlds.synchronous_reader import Reader
from harness.data.worlds.synchronous_rules import ARTICLE, CATEGORIES, RULES, Pattern, patterns

SIZES = (3, 3, 3, 3, 3, 3, 3)
TWO_ORDERS = {number for number, rule in enumerate(RULES) if rule[1] == "NP P^0 NP V1^2"}
SHORT = {number for number, rule in enumerate(RULES) if rule[1] in ("NAME", "N")}


def language(found: tuple[Pattern, ...]) -> SynchronousLanguage:
    """A domain between the general one and another, with three words of each category."""
    lexicon = Lexicon.random(SIZES, 0.7, 3)
    first, second = (
        Probabilities.random(lexicon, n, 4, 3, rule_concentration=1.0, sense_concentration=0.7) for n in (0, 2)
    )
    table = PatternTable(found, function_words(0), function_words(1))
    return SynchronousLanguage(table, lexicon, first.mixed(second, 0.4))


PHRASES = patterns("NP")
CLAUSES = tuple(p for p in patterns() if set(p.rules) <= TWO_ORDERS | SHORT)


def enumerated(spoken: SynchronousLanguage) -> tuple[Drawn, list[float]]:
    """Every pair by its choices, and its probability, multiplied up from the tables one factor at a time."""
    p, table, lexicon = spoken.probabilities, spoken.table, spoken.lexicon
    width, rows, weights = table.category.shape[1], [], []
    for number, pattern in enumerate(table.patterns):
        places = [place for place, symbol in enumerate(pattern.source) if symbol in CATEGORIES]
        nouns = [place for symbol, place in pattern.target if symbol == ARTICLE]
        for words in itertools.product(range(3), repeat=len(places)):
            at = dict(zip(places, words, strict=True))
            chances = []
            base = float(spoken.patterns[number])
            for place in places:
                category, context = CATEGORIES.index(pattern.source[place]), pattern.contexts[place]
                base *= p.words[category, at[place]]
                among = 0 if context < 0 else int(lexicon.classes[at[context]])
                row = p.senses[category, among, at[place]]
                chances.append([(sense, row[sense]) for sense in range(SENSES) if row[sense] > 0])
            chances += [list(enumerate(p.articles[lexicon.classes[at[place]]])) for place in nouns]
            for chosen in itertools.product(*chances):
                filled = np.zeros((3, width), dtype=np.int64)
                for place, (sense, _) in zip(places, chosen, strict=False):
                    filled[:2, place] = at[place], sense
                for place, (article, _) in zip(nouns, chosen[len(places) :], strict=True):
                    filled[2, place] = article
                rows.append((number, filled))
                weights.append(base * float(np.prod([chance for _, chance in chosen])))
    return Drawn(np.array([number for number, _ in rows]), *np.stack([filled for _, filled in rows], axis=1)), weights


@pytest.mark.parametrize("found", [PHRASES, CLAUSES], ids=["phrases", "two orders"])
def test_entropy_and_best_translation_are_those_of_the_enumeration(found: tuple[Pattern, ...]) -> None:
    """Over texts, not choices: that each target comes of one choice is thereby shown too."""
    spoken = language(found)
    drawn, weights = enumerated(spoken)
    joint: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for source, target, weight in zip(spoken.sources(drawn), spoken.targets(drawn), weights, strict=True):
        joint[source][target] += weight
    assert sum(weights) == pytest.approx(1.0)
    nats = {}
    for source, targets in joint.items():
        shares = np.array(list(targets.values())) / sum(targets.values())
        nats[source] = float(-(shares * np.log(shares)).sum())
    exact = sum(nats[source] * sum(targets.values()) for source, targets in joint.items())
    tokens = sum(w * (len(t.split()) + 1) for targets in joint.values() for t, w in targets.items())
    told = spoken.entropy()
    assert (told.nats, told.tokens) == (pytest.approx(exact), pytest.approx(tokens))
    assert told.nats_per_token == pytest.approx(exact / tokens)
    sources = list(joint)
    read, _ = Reader(spoken.table, spoken.lexicon).read(sources)
    np.testing.assert_allclose(spoken.entropies(read), [nats[source] for source in sources], atol=1e-9)
    best = spoken.best(read)
    chances = [max(joint[source].values()) / sum(joint[source].values()) for source in sources]
    np.testing.assert_allclose(np.exp(spoken.log_probabilities(best)), chances, rtol=1e-9)
    found_best = [joint[s][t] / sum(joint[s].values()) for s, t in zip(sources, spoken.targets(best), strict=True)]
    np.testing.assert_allclose(found_best, chances, rtol=1e-9)


def test_pairs_come_as_often_as_they_are_probable() -> None:
    """Frequencies of the commonest pairs, and of translations drawn again, within 4.5 standard errors."""
    spoken = language(CLAUSES)
    drawn, weights = enumerated(spoken)
    exact: Counter[tuple[str, str]] = Counter()
    for source, target, weight in zip(spoken.sources(drawn), spoken.targets(drawn), weights, strict=True):
        exact[source, target] += weight  # type: ignore[assignment]
    generator, total = np.random.default_rng(5), 30000
    (first, second) = spoken.sample(total, generator)
    for part in (first, replace(first, **fields(spoken.translated(first, generator)))):
        seen = Counter(zip(spoken.sources(part), spoken.targets(part), strict=True))
        for pair, chance in exact.most_common(40):
            assert abs(seen[pair] / len(part) - chance) < 4.5 * np.sqrt(chance / len(part)), pair
    assert len(first) + len(second) == total
    logs = np.concatenate([spoken.log_probabilities(part) for part in (first, second)])
    assert abs(-logs.mean() - spoken.entropy().nats) < 4.5 * logs.std() / np.sqrt(total)


def fields(drawn: Drawn) -> dict[str, np.ndarray]:
    """The parts of a draw that are the translator's."""
    return {"pattern": drawn.pattern, "senses": drawn.senses, "articles": drawn.articles}


def test_texts_are_read_back_into_their_probabilities() -> None:
    """A wrong article, a word that is no translation, and another order of words have none."""
    spoken = language(PHRASES)
    (drawn,) = spoken.sample(500, np.random.default_rng(1))
    sources, targets = spoken.sources(drawn), spoken.targets(drawn)
    reader = Reader(spoken.table, spoken.lexicon)
    read, possible = reader.read(sources, targets)
    assert possible.all()
    np.testing.assert_allclose(spoken.log_probabilities(read), spoken.log_probabilities(drawn), rtol=1e-12)
    place = next(n for n, source in enumerate(sources) if len(source.split()) == 2)
    article, *rest = targets[place].split()
    other = {"tho": "tha", "tha": "tho", "ano": "ana", "ana": "ano"}[article]
    wrong = [" ".join([other, *rest]), " ".join([article, *reversed(rest)]), article, "", "of n1"]
    assert not reader.read([sources[place]] * len(wrong), wrong)[1].any()


def test_a_grammar_whose_texts_do_not_tell_the_pattern_is_refused() -> None:
    """Two patterns of one source and one target; or of one source, where the words depend on different others."""
    one = PHRASES[2]
    for other in (one, replace(one, contexts=(-1, -1), target=(*one.target, ("of", -1)))):
        with pytest.raises(ValueError, match="cannot be told apart"):
            PatternTable((one, other), function_words(0), function_words(1))


def test_every_word_translates_as_many_as_any_other() -> None:
    """Translations of a word differ, and each target word is the n-th of one source word."""
    lexicon = Lexicon.random((4, 9, 3, 5, 5, 3, 3), 0.5, 1)
    for category, size in enumerate(lexicon.sizes[1:], 1):
        senses = lexicon.senses[category, :size]
        assert all(len(set(row)) == SENSES for row in senses.tolist())
        assert all(sorted(column) == list(range(size)) for column in senses.T.tolist())
    assert not lexicon.ambiguous[0].any()
    assert len(set(lexicon.source)) == len(lexicon.source) == sum(lexicon.sizes) + len(function_words(0))
