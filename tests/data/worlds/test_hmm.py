"""Exactness of the hidden Markov model, against the enumeration of every path and every sequence."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from harness.data.worlds.hmm import HiddenMarkovModel, on_grid, stationary

LENGTH = 4


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(params=[0, 1, 2])
def tiny(request: pytest.FixtureRequest) -> HiddenMarkovModel:
    """A model of 3 states and 3 words with a start that is not stationary."""
    random = generator(request.param)
    transition, emission = on_grid(random.gamma(0.7, size=(3, 3))), on_grid(random.gamma(0.7, size=(3, 3)))
    return HiddenMarkovModel(transition, emission, on_grid(random.gamma(1.0, size=(1, 3)))[0])


def every_sequence(vocabulary: int = 3) -> np.ndarray:
    return np.array(list(itertools.product(range(vocabulary), repeat=LENGTH)))


def path_probability(model: HiddenMarkovModel, path: tuple[int, ...], words: np.ndarray) -> float:
    """p(path, words) written out as the product that defines it."""
    probability = model.initial[path[0]] * model.emission[path[0], words[0]]
    for t in range(1, len(words)):
        probability *= model.transition[path[t - 1], path[t]] * model.emission[path[t], words[t]]
    return float(probability)


def brute_joint(model: HiddenMarkovModel, words: np.ndarray) -> np.ndarray:
    """p(state at t, words) summed over every path, (T, S)."""
    joint = np.zeros((len(words), model.states))
    for path in itertools.product(range(model.states), repeat=len(words)):
        joint[np.arange(len(words)), list(path)] += path_probability(model, path, words)
    return joint


def test_all_sequences_have_probability_one(tiny: HiddenMarkovModel) -> None:
    totals = tiny.log_probabilities(every_sequence()).sum(axis=1)
    assert np.exp(totals).sum() == pytest.approx(1.0, abs=1e-12)


def test_forward_is_the_sum_over_paths(tiny: HiddenMarkovModel) -> None:
    sequences = every_sequence()[::7]
    brute = [np.log(brute_joint(tiny, words)[0].sum()) for words in sequences]
    np.testing.assert_allclose(tiny.log_probabilities(sequences).sum(axis=1), brute, rtol=1e-12)


def test_every_token_is_conditioned_on_its_past(tiny: HiddenMarkovModel) -> None:
    words = np.array([2, 0, 1, 1])
    prefixes = [np.log(brute_joint(tiny, words[:t])[0].sum()) for t in range(1, LENGTH + 1)]
    np.testing.assert_allclose(tiny.log_probabilities(words[None])[0], np.diff([0.0, *prefixes]), rtol=1e-10)


def test_posteriors_are_the_sum_over_paths(tiny: HiddenMarkovModel) -> None:
    sequences = every_sequence()[::5]
    joint = np.stack([brute_joint(tiny, words) for words in sequences])
    np.testing.assert_allclose(tiny.posteriors(sequences), joint / joint.sum(axis=2, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(tiny.filtered(sequences), tiny.posteriors(sequences)[:, -1], rtol=1e-10)


@pytest.mark.parametrize("masked", [(0,), (3,), (1, 2), (0, 3), (0, 1, 2, 3)])
def test_masked_words_are_the_sum_over_fillings(tiny: HiddenMarkovModel, masked: tuple[int, ...]) -> None:
    sequences = every_sequence()
    probability = np.exp(tiny.log_probabilities(sequences).sum(axis=1))
    kept = [t for t in range(LENGTH) if t not in masked]
    words = np.array([1, 2, 0, 2])
    agrees = (sequences[:, kept] == words[kept]).all(axis=1)
    mask = np.isin(np.arange(LENGTH), masked)
    scores = tiny.masked_log_probabilities(words[None], mask[None])[0]
    for t in masked:
        both = agrees & (sequences[:, t] == words[t])
        assert scores[t] == pytest.approx(np.log(probability[both].sum() / probability[agrees].sum()), abs=1e-10)
    assert np.isnan(scores[kept]).all()


def test_conditionals_are_the_sum_over_fillings(tiny: HiddenMarkovModel) -> None:
    sequences = every_sequence()
    probability = np.exp(tiny.log_probabilities(sequences).sum(axis=1))
    seen = generator(9).random((1, LENGTH, 3))
    weights = probability * np.prod(seen[0, np.arange(LENGTH), sequences], axis=1)
    found = tiny.conditionals(sequences[:1], seen=seen)[0]
    for t in range(LENGTH):
        expected = np.bincount(sequences[:, t], weights) / weights.sum()
        np.testing.assert_allclose(found[t], expected, rtol=1e-9)
    words, mask = np.array([[1, 2, 0, 2]]), np.array([[True, False, True, False]])
    together = tiny.conditionals(words, mask)[0]
    logs = tiny.masked_log_probabilities(words, mask)[0]
    np.testing.assert_allclose(np.log(together[[0, 2], words[0, [0, 2]]]), logs[[0, 2]], rtol=1e-9)
    np.testing.assert_array_equal(together[[1, 3]], np.eye(3)[words[0, [1, 3]]])
    for t in range(LENGTH):
        alone = tiny.conditionals(words, np.arange(LENGTH)[None] == t)[0, t]
        np.testing.assert_allclose(tiny.conditionals(words)[0, t], alone, rtol=1e-9)


def test_entropy_is_that_of_the_enumeration(tiny: HiddenMarkovModel) -> None:
    logs = tiny.log_probabilities(every_sequence()).sum(axis=1)
    exact = -(np.exp(logs) * logs).sum() / LENGTH
    estimate = tiny.entropy(LENGTH, 20000, seed=5)
    assert abs(estimate.nats_per_token - exact) < 4 * estimate.stderr
    assert 0 < estimate.stderr < 0.01
    assert estimate.n == 20000


def test_samples_have_the_exact_frequencies(tiny: HiddenMarkovModel) -> None:
    words, hidden = tiny.sample(20000, LENGTH, generator(3))
    expected = np.exp(tiny.log_probabilities(every_sequence()).sum(axis=1))
    found = np.bincount(words @ 3 ** np.arange(LENGTH - 1, -1, -1), minlength=3**LENGTH) / len(words)
    assert np.abs(found - expected).max() < 5 * np.sqrt(expected.max() / len(words))
    after = np.bincount(hidden[:, 0] * 3 + hidden[:, 1], minlength=9).reshape(3, 3) / len(words)
    np.testing.assert_allclose(after, tiny.initial[:, None] * tiny.transition, atol=0.02)


def test_long_sequences_do_not_underflow() -> None:
    model = HiddenMarkovModel.random(8, 64, seed=0)
    words, _ = model.sample(2, 3000, generator())
    totals = model.log_probabilities(words).sum(axis=1)
    assert (totals < -2000).all()
    assert np.isfinite(totals).all()
    np.testing.assert_allclose(model.posteriors(words).sum(axis=2), 1.0, rtol=1e-9)


def test_impossible_words_have_no_probability() -> None:
    model = HiddenMarkovModel(np.eye(2), np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.5, 0.5]))
    np.testing.assert_array_equal(model.log_probabilities(np.array([[0, 0, 1]])), [[np.log(0.5), 0.0, -np.inf]])


def test_random_is_stationary_and_the_same_everywhere() -> None:
    model = HiddenMarkovModel.random(12, 40, seed=7, permutations=2)
    np.testing.assert_allclose(model.initial @ model.transition, model.initial, atol=1e-15)
    assert (model.emission > 0).all()
    digest = hashlib.sha256(model.transition.tobytes() + model.emission.tobytes()).hexdigest()
    assert digest[:16] == "5b50ccc192a4eafe"
    words, _ = model.sample(50, 16, generator(1))
    assert hashlib.sha256(words.tobytes()).hexdigest()[:16] == "82ff0d44b82fde7e"


def test_more_sequences_leave_the_first_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    model = HiddenMarkovModel.random(5, 20, seed=0)
    few, _ = model.sample(7, 6, generator(2))
    monkeypatch.setattr("harness.data.worlds.hmm.CHUNK", 3)
    many, _ = model.sample(20, 6, generator(2))
    np.testing.assert_array_equal(few, many[:7])
    chunked = model.posteriors(many, observed=many != 0)
    monkeypatch.undo()
    np.testing.assert_array_equal(chunked, model.posteriors(many, observed=many != 0))


def test_reversed_is_the_mirror_image() -> None:
    model = HiddenMarkovModel.random(5, 9, seed=3, permutations=2)
    words, _ = model.sample(30, 10, generator())
    mirror = model.reversed().log_probabilities(words[:, ::-1]).sum(axis=1)
    np.testing.assert_allclose(mirror, model.log_probabilities(words).sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(model.reversed(0.4).unigram(), model.unigram(), atol=1e-12)
    np.testing.assert_allclose(model.reversed(0.0).transition, model.transition, atol=1e-12)


def test_stationary_of_a_skewed_chain() -> None:
    transition = on_grid(generator(4).gamma(0.3, size=(6, 6)))
    power = np.linalg.matrix_power(transition, 4096)[0]
    np.testing.assert_allclose(stationary(transition), power, rtol=1e-6)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(np.array([0, 1]), "expected \\(sequences, length\\)"), (np.array([[0, 9]]), "expected 0 ... 2")],
)
def test_bad_tokens_are_refused(tiny: HiddenMarkovModel, tokens: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny.log_probabilities(tokens)


def test_bad_models_are_refused() -> None:
    with pytest.raises(ValueError, match="expected \\(S, S\\), \\(S, V\\) and \\(S,\\)"):
        HiddenMarkovModel(np.eye(2), np.full((3, 2), 0.5), np.full(3, 1 / 3))
    with pytest.raises(ValueError, match="emission: found rows that are no distributions"):
        HiddenMarkovModel(np.eye(2), np.full((2, 2), 0.6), np.full(2, 0.5))
