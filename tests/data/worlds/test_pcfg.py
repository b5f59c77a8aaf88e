"""Exactness of the grammar's probabilities, against the enumeration of every tree and every sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from harness.data.worlds.grammar import Grammar
from harness.data.worlds.pcfg import Pcfg
from harness.data.worlds.trees import Balanced, Free, by_depth
from harness.data.worlds.world import PADDING

LONGEST, WORDS = 4, 3
Tree = tuple[int, int, tuple[int, ...], float]
"""Depth, symbol of the first two words (-1: none), words and probability of a tree."""


def drawn(seed: int, stop: float | None = None, **more: bool) -> Grammar:
    return Grammar.random(3, WORDS, 2, seed, rule_concentration=1.0, emission_concentration=0.7, stop=stop, **more)


def language(kind: str, seed: int = 0) -> Pcfg:
    if kind == "balanced":
        return Pcfg(drawn(seed), Balanced(2))
    return Pcfg(drawn(seed, 0.4), Free(2, LONGEST))


def trees(model: Pcfg, symbol: int, length: int, place: int = 0) -> Iterator[Tree]:
    """Every tree over ``length`` words below a symbol, written out from the rules."""
    grammar, balanced = model.grammar, isinstance(model.shape, Balanced)
    stop = 1.0 if grammar.stop is None else grammar.stop
    if length == 1:
        for word in range(WORDS):
            yield 0, -1, (word,), stop * grammar.emission[symbol, word]
        return
    for left in [length // 2] if balanced else range(1, length):
        for rule in range(grammar.rules.shape[1]):
            weight = grammar.rules[symbol, rule] * (1.0 if balanced else 1.0 - stop)
            below = trees(model, grammar.left[symbol, rule], left, place)
            for (d1, s1, w1, p1), (d2, _, w2, p2) in itertools.product(
                below, list(trees(model, grammar.right[symbol, rule], length - left, place + left))
            ):
                own = symbol if place == 0 and length == 2 else s1 if place == 0 else -1
                yield 1 + max(d1, d2), own, w1 + w2, weight * p1 * p2


class Enumeration:
    """Every sentence with its probability and those of its hidden parts."""

    def __init__(self, model: Pcfg) -> None:
        found: dict[tuple[int, ...], float] = {}
        self.root: dict[tuple[int, ...], np.ndarray] = {}
        self.span: dict[tuple[int, ...], np.ndarray] = {}
        self.depth: dict[tuple[int, ...], np.ndarray] = {}
        for length in model.shape.lengths():
            for symbol in range(3):
                for depth, own, words, probability in trees(model, symbol, length):
                    p = probability * model.grammar.start[symbol]
                    found[words] = found.get(words, 0.0) + p
                    self.root.setdefault(words, np.zeros(3))[symbol] += p
                    self.depth.setdefault(words, np.zeros(LONGEST))[depth] += p
                    self.span.setdefault(words, np.zeros(4))[own] += p
        total = sum(found.values())
        self.probability = {words: p / total for words, p in found.items()}
        self.sentences = list(found)
        self.tokens = np.array([words + (PADDING,) * (LONGEST - len(words)) for words in self.sentences])
        self.p = np.array(list(self.probability.values()))


@pytest.fixture(scope="module", params=["balanced", "free"])
def both(request: pytest.FixtureRequest) -> tuple[Pcfg, Enumeration]:
    model = language(request.param)
    return model, Enumeration(model)


def test_sentences_have_the_probability_of_all_their_trees(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    np.testing.assert_allclose(np.exp(model.sentence_log_probabilities(every.tokens)), every.p, rtol=1e-10)


def test_next_words_follow_from_the_sentences_that_begin_so(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both

    def beginning(words: tuple[int, ...]) -> float:
        return sum(p for s, p in every.probability.items() if s[: len(words)] == words)

    chosen = [0, 5, len(every.sentences) - 1, len(every.sentences) // 2]
    found, logs = model.next_conditionals(every.tokens[chosen]), model.log_probabilities(every.tokens[chosen])
    for row, number in enumerate(chosen):
        words = every.sentences[number]
        for t in range(len(words)):
            expected = [beginning((*words[:t], w)) / beginning(words[:t]) for w in range(WORDS)]
            np.testing.assert_allclose(found[row, t], expected, rtol=1e-9)
            assert logs[row, t] == pytest.approx(np.log(expected[words[t]]), rel=1e-9)
        assert np.isnan(logs[row, len(words) :]).all()


@pytest.mark.parametrize("masked", [(0,), (1, 2), (0, 3), (0, 1, 2, 3)])
def test_hidden_words_follow_from_the_sentences_that_agree(
    both: tuple[Pcfg, Enumeration], masked: tuple[int, ...]
) -> None:
    model, every = both
    words = next(s for s in every.sentences if len(s) == LONGEST and len(set(s)) == WORDS)
    kept = [t for t in range(LONGEST) if t not in masked]
    agree = {s: p for s, p in every.probability.items() if len(s) == LONGEST and all(s[t] == words[t] for t in kept)}
    mask = np.isin(np.arange(LONGEST), masked)[None]
    found, logs = model.conditionals(np.array([words]), mask), model.masked_log_probabilities(np.array([words]), mask)
    for t in masked:
        expected = [sum(p for s, p in agree.items() if s[t] == w) / sum(agree.values()) for w in range(WORDS)]
        np.testing.assert_allclose(found[0, t], expected, rtol=1e-9)
        assert logs[0, t] == pytest.approx(np.log(expected[words[t]]), rel=1e-9)
    assert np.isnan(logs[0, kept]).all()


def test_without_a_mask_every_word_is_hidden_by_itself(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    some = every.tokens[::17]
    found = model.conditionals(some)
    for t in range(LONGEST):
        mask = (np.arange(LONGEST) == t)[None] & (some != PADDING)
        np.testing.assert_allclose(found[:, t], model.conditionals(some, mask)[:, t] * mask[:, t, None], atol=1e-12)


def test_what_is_seen_may_be_uncertain(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    random = np.random.Generator(np.random.PCG64(1))
    seen = random.random((1, LONGEST, WORDS))
    found = model.conditionals(np.zeros((1, LONGEST), dtype=int), seen=seen)
    whole = [(s, p) for s, p in every.probability.items() if len(s) == LONGEST]
    weights = np.array([p * np.prod([seen[0, t, w] for t, w in enumerate(s)]) for s, p in whole])
    for t in range(LONGEST):
        expected = [weights[[s[t] == w for s, _ in whole]].sum() / weights.sum() for w in range(WORDS)]
        np.testing.assert_allclose(found[0, t], expected, rtol=1e-9)


def test_symbols_of_spans_follow_from_the_trees(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    root, span = model.root(every.tokens), model.first_span(every.tokens, 2)
    for row, words in enumerate(every.sentences):
        np.testing.assert_allclose(root[row], every.root[words] / every.root[words].sum(), rtol=1e-9)
        own = every.span[words][:3]
        np.testing.assert_allclose(span[row], own / own.sum(), rtol=1e-9)


def test_depths_follow_from_the_trees() -> None:
    model = language("free")
    every = Enumeration(model)
    words = np.array([s for s in every.sentences if len(s) == LONGEST])[::5]
    leaves = model.grammar.lexical.T[words]
    for depth, spans in enumerate(by_depth(model.grammar, model.shape, leaves, 3)):
        expected = [every.depth[tuple(s)][: depth + 1].sum() for s in words.tolist()]
        np.testing.assert_allclose(spans[LONGEST][:, 0] @ model.grammar.start, expected, rtol=1e-9, atol=1e-15)


def test_entropy_is_that_of_the_enumeration(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    found, exact = model.entropy(4000, 5), -(every.p * np.log(every.p)).sum()
    assert found.method == "Monte Carlo"
    assert abs(found.value - exact) < 4 * found.stderr < 0.4


def test_least_loss_and_frequencies_are_those_of_the_enumeration(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    length = (every.tokens != PADDING).sum(axis=1)
    share = np.array([(every.p * (every.tokens == w).sum(axis=1)).sum() for w in range(WORDS)])
    np.testing.assert_allclose(model.unigram(), share / (every.p * length).sum(), rtol=1e-9)
    conditionals = model.conditionals(every.tokens)
    own = np.take_along_axis(conditionals, np.maximum(every.tokens, 0)[..., None], 2)[..., 0]
    nats = -np.log(np.where(every.tokens != PADDING, own, 1.0)).sum(axis=1)
    found = model.least_masked_loss(3000, 1)
    assert abs(found.value - (every.p * nats).sum() / (every.p * length).sum()) < 4 * found.stderr < 0.1


def test_one_tree_a_sentence_has_an_entropy_by_recursion() -> None:
    model = Pcfg(drawn(0, invertible=True), Balanced(2))
    every = Enumeration(model)
    possible = every.p[every.p > 0]
    found = model.entropy(0, 0)
    assert found.value == pytest.approx(-(possible * np.log(possible)).sum(), rel=1e-9)
    assert (found.stderr, found.method) == (0.0, "recursion over the grammar")


@pytest.mark.slow
def test_samples_have_the_exact_frequencies(both: tuple[Pcfg, Enumeration]) -> None:
    model, every = both
    chunks = list(model.sample(20000, np.random.Generator(np.random.PCG64(3))))
    words = np.concatenate([chunk.words for chunk in chunks])
    place = {tuple(s): n for n, s in enumerate(every.tokens.tolist())}
    found = np.bincount([place[tuple(s)] for s in words.tolist()], minlength=len(place))
    likely = every.p * len(words) > 5
    groups = np.where(likely, np.arange(len(likely)), len(likely))
    seen, expected = np.bincount(groups, found), np.bincount(groups, every.p * len(words))
    assert stats.chisquare(seen[expected > 0], expected[expected > 0]).pvalue > 0.001
    depths = np.bincount(np.concatenate([chunk.depth for chunk in chunks]), minlength=LONGEST)
    total = sum(every.depth.values())
    kept = total > 0
    assert depths[~kept].sum() == 0
    if kept.sum() > 1:
        assert stats.chisquare(depths[kept], total[kept] / total.sum() * len(words)).pvalue > 0.001
    roots = np.bincount(np.concatenate([chunk.root for chunk in chunks]), minlength=3)
    total = sum(every.root.values())
    assert stats.chisquare(roots, total / total.sum() * len(words)).pvalue > 0.001


@pytest.mark.parametrize("kind", ["balanced", "free"])
def test_more_sentences_leave_the_first_as_they_were(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = language(kind)

    def sample(count: int) -> np.ndarray:
        return np.concatenate([c.words for c in model.sample(count, np.random.Generator(np.random.PCG64(2)))])

    many = sample(50)
    monkeypatch.setattr("harness.data.worlds.derivations.CHUNK", 7)
    np.testing.assert_array_equal(sample(20), many[:20])


def test_results_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = language("free")
    words = next(iter(model.sample(40, np.random.Generator(np.random.PCG64(2))))).words
    whole = model.next_conditionals(words), model.conditionals(words)
    monkeypatch.setattr("harness.data.worlds.pcfg.CELLS", 300)
    np.testing.assert_allclose(model.next_conditionals(words), whole[0], rtol=1e-12)
    np.testing.assert_allclose(model.conditionals(words), whole[1], rtol=1e-12)


def test_shift_keeps_rules_and_words_and_grows() -> None:
    grammar = drawn(0, invertible=True)
    near, far = grammar.shifted(100.0, 1), grammar.shifted(0.1, 1)
    np.testing.assert_array_equal(near.emission > 0, grammar.emission > 0)
    np.testing.assert_array_equal(far.left, grammar.left)
    assert np.abs(near.rules - grammar.rules).max() < 0.3 < np.abs(far.rules - grammar.rules).max()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [([[0, 3]], "expected \\(N, T\\) with words 0 ... 2"), ([[0, PADDING]], "found sentences of \\[1\\] words")],
)
def test_other_sentences_are_refused(tokens: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        language("free").conditionals(np.array(tokens))
