"""A hidden Markov model whose probabilities are exact: sampling, scaled forward-backward, missing observations.

Shapes: N sequences, T tokens, S hidden states, V words. Probabilities are float64, logarithms natural (nats).
Forward-backward with scaling: Rabiner, "A tutorial on hidden Markov models" (1989), section V.A.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.worlds.choosing import Booleans, Floats, Integers, choose, cumulative, on_grid

CHUNK = 8192
"""Sequences sampled or scored at once; the numbers do not depend on it."""


@dataclass(frozen=True, slots=True)
class Entropy:
    """A Monte Carlo estimate of a sequence's entropy: nats per token over ``n`` independent sequences."""

    nats_per_token: float
    stderr: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class HiddenMarkovModel:
    """A first-order hidden Markov model over words 0 ... V-1.

    Attributes:
        transition: p(next state | state), (S, S); rows sum to 1.
        emission: p(word | state), (S, V); rows sum to 1.
        initial: p(first state), (S,).
    """

    transition: Floats
    emission: Floats
    initial: Floats

    def __post_init__(self) -> None:
        states = len(self.initial)
        if self.transition.shape != (states, states) or self.emission.shape[:1] != (states,):
            found = f"transition {self.transition.shape}, emission {self.emission.shape}, initial {self.initial.shape}"
            raise ValueError(f"found {found}; expected (S, S), (S, V) and (S,)")
        for name in ("transition", "emission", "initial"):
            rows = np.atleast_2d(getattr(self, name))
            if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1.0, rtol=0, atol=1e-9):
                raise ValueError(f"{name}: found rows that are no distributions; expected non-negative rows of sum 1")

    @classmethod
    def random(
        cls,
        states: int,
        vocabulary: int,
        seed: int,
        permutations: int = 3,
        jump: float = 0.05,
        emission_concentration: float = 0.05,
    ) -> HiddenMarkovModel:
        """Draw a model whose states are equally frequent; it starts in that stationary distribution.

        The transition is a mixture of random permutations with weights 1/2, 1/4, ... (normalised), and of a jump
        to any state: a doubly stochastic matrix, in the manner of Wei, Xie and Ma (2021, arXiv 2106.09226).
        Emission rows are draws from a symmetric Dirichlet. The same numbers on every machine.

        Args:
            states: S, at least 1.
            vocabulary: V, at least 1.
            seed: seeds a PCG64 stream.
            permutations: how many successors a state has beside jumps; the fewer, the more predictable.
            jump: probability that the next state is uniform over all, in [0, 1].
            emission_concentration: of each emission row; the smaller, the fewer words a state uses.
        """
        generator = np.random.Generator(np.random.PCG64(seed))
        transition = np.full((states, states), jump / states)
        weights = 0.5 ** np.arange(permutations)
        for weight in (1.0 - jump) * weights / weights.sum():
            transition[np.arange(states), generator.permutation(states)] += weight
        emission = on_grid(generator.gamma(emission_concentration, size=(states, vocabulary)))
        return cls(transition, emission, np.full(states, 1.0 / states))

    @property
    def states(self) -> int:
        """S."""
        return self.emission.shape[0]

    @property
    def vocabulary(self) -> int:
        """V."""
        return self.emission.shape[1]

    def sample(self, sequences: int, length: int, generator: np.random.Generator) -> tuple[Integers, Integers]:
        """Sample words and hidden states, both (N, T).

        The first n sequences are the same however many follow them.
        """
        words = np.empty((sequences, length), dtype=np.int64)
        hidden = np.empty((sequences, length), dtype=np.int64)
        for start in range(0, sequences, CHUNK):
            rows = slice(start, min(start + CHUNK, sequences))
            uniforms = generator.random((rows.stop - start, length, 2))
            hidden[rows] = self._walk(uniforms[:, :, 0])
            words[rows] = choose(cumulative(self.emission), hidden[rows], uniforms[:, :, 1])
        return words, hidden

    def log_probabilities(self, tokens: Integers) -> Floats:
        """Per-token log p(x_t | x_<t) in nats, (N, T); the sum over t is the log-probability of the sequence.

        From the first token that the model cannot emit there, a sequence has -inf.

        >>> coin = HiddenMarkovModel(np.eye(1), np.array([[0.5, 0.5]]), np.ones(1))
        >>> coin.log_probabilities(np.array([[0, 1, 1]])).round(4).tolist()
        [[-0.6931, -0.6931, -0.6931]]
        """
        tokens = self._checked(tokens)
        result = np.empty(tokens.shape, dtype=np.float64)
        for start in range(0, len(tokens), CHUNK):
            rows = slice(start, start + CHUNK)
            with np.errstate(divide="ignore"):
                result[rows] = np.log(self._forward(self._likelihoods(tokens[rows]))[1])
        return result

    def posteriors(self, tokens: Integers, observed: Booleans | None = None) -> Floats:
        """p(state at t | observed words), (N, T, S), by forward-backward; at the last t it is the filter.

        Args:
            tokens: (N, T).
            observed: (N, T), False where the word is missing; all observed by default.
        """
        tokens = self._checked(tokens)
        result = np.empty((*tokens.shape, self.states), dtype=np.float64)
        for start in range(0, len(tokens), CHUNK):
            rows = slice(start, start + CHUNK)
            likelihoods = self._likelihoods(tokens[rows], None if observed is None else observed[rows])
            filtered, scales = self._forward(likelihoods)
            result[rows] = filtered * self._backward(likelihoods, scales)
        return result

    def filtered(self, tokens: Integers) -> Floats:
        """p(last state | all words), (N, S)."""
        tokens = self._checked(tokens)
        chunks = [tokens[start : start + CHUNK] for start in range(0, len(tokens), CHUNK)]
        last = [self._forward(self._likelihoods(chunk))[0][:, -1] for chunk in chunks]
        return np.concatenate(last) if last else np.empty((0, self.states))

    def masked_log_probabilities(self, tokens: Integers, mask: Booleans) -> Floats:
        """Per-token log p(x_i | the unmasked words) in nats at masked i, NaN elsewhere, (N, T).

        All masked words of a sequence are missing together, as a masked language model sees them.

        Args:
            tokens: (N, T).
            mask: (N, T), True where the word is masked.
        """
        tokens, mask = self._checked(tokens), np.asarray(mask, dtype=bool)
        posterior = self.posteriors(tokens, observed=~mask)
        with np.errstate(divide="ignore"):
            scores = np.log(np.einsum("nts,nts->nt", posterior, self._likelihoods(tokens)))
        return np.where(mask, scores, np.nan)

    def conditionals(self, tokens: Integers, mask: Booleans | None = None, seen: Floats | None = None) -> Floats:
        """p(x_t = word | what is known), (N, T, V).

        Args:
            tokens: (N, T).
            mask: (N, T), True where the word is hidden; all that are hidden of a sequence are hidden together.
                None: each word by itself, given all others.
            seen: (N, T, V), how probable what is seen at t would be if the word there were v, in place of tokens and
                mask.
        """
        tokens = self._checked(tokens)
        result = np.empty((*tokens.shape, self.vocabulary))
        for start in range(0, len(tokens), CHUNK):
            rows = slice(start, start + CHUNK)
            hidden = None if mask is None else np.asarray(mask)[rows]
            likelihoods = self._likelihoods(tokens[rows], None if hidden is None else ~hidden)
            if seen is not None:
                likelihoods = seen[rows] @ self.emission.T
            found = self._others(likelihoods) @ self.emission
            if seen is not None:
                found *= seen[rows]
            elif hidden is not None:
                found[~hidden] = np.eye(self.vocabulary)[tokens[rows][~hidden]]
            total = found.sum(axis=2, keepdims=True)
            result[rows] = found / np.where(total > 0, total, 1.0)
        return result

    def can_tell(self, sentences: int, length: int, hidden: int) -> bool:
        """Always."""
        return True

    def entropy(self, length: int, sequences: int, seed: int) -> Entropy:
        """Entropy of a sequence of ``length`` words divided by its length, from ``sequences`` samples."""
        generator = np.random.Generator(np.random.PCG64(seed))
        words, _ = self.sample(sequences, length, generator)
        losses = -self.log_probabilities(words).mean(axis=1)
        return Entropy(float(losses.mean()), float(losses.std(ddof=1) / np.sqrt(sequences)), sequences)

    def unigram(self) -> Floats:
        """p(word) where the state has its stationary distribution, (V,)."""
        return stationary(self.transition) @ self.emission

    def unigram_entropy(self) -> float:
        """Nats per token of a model that knows the word frequencies and nothing else.

        >>> eight = HiddenMarkovModel(np.eye(1), np.full((1, 8), 1 / 8), np.ones(1))
        >>> round(eight.unigram_entropy() / float(np.log(2)), 6)
        3.0
        """
        frequencies = self.unigram()
        positive = frequencies[frequencies > 0]
        return float(-(positive * np.log(positive)).sum())

    def reversed(self, share: float = 1.0) -> HiddenMarkovModel:
        """The same states and words with the chain run backwards in a ``share`` of its steps.

        The stationary distribution, hence every word's frequency, stays; the order of words changes.
        At ``share`` 1 a sequence is exactly as probable as its mirror image was. Expects a stationary start.
        """
        weights = stationary(self.transition)
        backward = self.transition.T * weights / weights[:, None]
        mixed = (1.0 - share) * self.transition + share * backward
        return HiddenMarkovModel(mixed / mixed.sum(axis=1, keepdims=True), self.emission, weights)

    def _walk(self, uniforms: Floats) -> Integers:
        """Hidden states (N, T) from one uniform number each."""
        hidden = np.empty(uniforms.shape, dtype=np.int64)
        steps = cumulative(self.transition)
        start = np.zeros(len(uniforms), dtype=np.int64)
        hidden[:, 0] = choose(cumulative(self.initial[None]), start, uniforms[:, 0])
        for t in range(1, uniforms.shape[1]):
            hidden[:, t] = choose(steps, hidden[:, t - 1], uniforms[:, t])
        return hidden

    def _likelihoods(self, tokens: Integers, observed: Booleans | None = None) -> Floats:
        """p(x_t | state), (N, T, S); 1 where the word is missing."""
        likelihoods = self.emission.T[tokens]
        if observed is not None:
            likelihoods[~observed] = 1.0
        return likelihoods

    def _forward(self, likelihoods: Floats) -> tuple[Floats, Floats]:
        """Filtered states (N, T, S) and the scales p(x_t | x_<t), (N, T)."""
        filtered = np.empty_like(likelihoods)
        scales = np.empty(likelihoods.shape[:2], dtype=np.float64)
        predicted = np.broadcast_to(self.initial, (len(likelihoods), self.states))
        for t in range(likelihoods.shape[1]):
            joint = predicted * likelihoods[:, t]
            scales[:, t] = joint.sum(axis=1)
            filtered[:, t] = joint / np.where(scales[:, t] > 0, scales[:, t], 1.0)[:, None]
            predicted = filtered[:, t] @ self.transition
        return filtered, scales

    def _backward(self, likelihoods: Floats, scales: Floats) -> Floats:
        """p(x_>t | state) / p(x_>t | x_<=t), (N, T, S)."""
        future = np.ones_like(likelihoods)
        for t in range(likelihoods.shape[1] - 2, -1, -1):
            scale = np.where(scales[:, t + 1] > 0, scales[:, t + 1], 1.0)[:, None]
            future[:, t] = (likelihoods[:, t + 1] * future[:, t + 1] / scale) @ self.transition.T
        return future

    def _others(self, likelihoods: Floats) -> Floats:
        """p(state at t, all words but that at t) up to a factor, (N, T, S)."""
        filtered, scales = self._forward(likelihoods)
        first = np.broadcast_to(self.initial, filtered[:, :1].shape)
        before = np.concatenate([first, filtered[:, :-1] @ self.transition], axis=1)
        return before * self._backward(likelihoods, scales)

    def _checked(self, tokens: Integers) -> Integers:
        tokens = np.asarray(tokens, dtype=np.int64)
        if tokens.ndim != 2 or tokens.shape[1] == 0:
            raise ValueError(f"tokens: found shape {tokens.shape}; expected (sequences, length) with length >= 1")
        if tokens.size and (tokens.min() < 0 or tokens.max() >= self.vocabulary):
            raise ValueError(f"tokens: found {tokens.min()} ... {tokens.max()}; expected 0 ... {self.vocabulary - 1}")
        return tokens


def stationary(transition: Floats) -> Floats:
    """The distribution that one step leaves as it is, (S,); the chain must have a single one.

    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(6).tolist()
    [0.333333, 0.666667]
    """
    states = len(transition)
    equations = np.vstack([transition.T - np.eye(states), np.ones(states)])
    solution = np.linalg.lstsq(equations, np.append(np.zeros(states), 1.0), rcond=None)[0]
    positive = np.maximum(solution, 0.0)
    return positive / positive.sum()
