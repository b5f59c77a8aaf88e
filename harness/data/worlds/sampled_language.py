"""The language that a causal model speaks where it may use K of its tokens alone: its own distribution, renormalised.

Shapes: N sentences of T words, K words. A sentence begins after the model's begin token and has a fixed length.
Probabilities are those of the float32 model, worked on in float64; logarithms are natural (nats).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.data.worlds.choosing import Booleans, Floats, Integers
from harness.data.worlds.estimate import Estimate
from harness.data.worlds.world import at_masked
from harness.errors import HarnessError

BATCH = 64
"""Sentences sampled at once, always as many: what a model says may depend on it in the last digit."""
TOKENS = 8192
"""Tokens scored at once."""
MOST_TOKENS = 2e7
"""Tokens that are read, at most, to find out what a masked word may be."""


@dataclass(frozen=True, eq=False)
class SampledLanguage:
    """A causal model, the token it begins with, the tokens (K,) it may use, and a temperature."""

    model: Any
    begin: int
    tokens: Integers
    temperature: float = 1.0

    @property
    def vocabulary(self) -> int:
        """K."""
        return len(self.tokens)

    def sample(self, sentences: int, length: int, generator: np.random.Generator) -> Iterator[Integers]:
        """Sentences (n, T), a batch at a time; the first n are the same however many follow."""
        for start in range(0, sentences, BATCH):
            yield self.batch(generator.random((BATCH, length)))[: sentences - start]

    def batch(self, uniforms: Floats) -> Integers:
        """One sentence for each row of uniform numbers, (N, T); what was read is kept by the model."""
        words = np.empty(uniforms.shape, dtype=np.int64)
        read, past = torch.full((len(uniforms), 1), self.begin), None
        for t in range(uniforms.shape[1]):
            with torch.inference_mode():
                found = self.model(input_ids=read, past_key_values=past, use_cache=True)
            past = found.past_key_values
            sums = np.cumsum(np.exp(self.restricted(found.logits[:, -1])), axis=1)
            words[:, t] = (sums < uniforms[:, t, None] * sums[:, -1:]).sum(axis=1)
            read = torch.from_numpy(self.tokens[words[:, t]])[:, None]
        return words

    def restricted(self, logits: torch.Tensor) -> Floats:
        """Log-probabilities of the K words from the model's logits, (..., K)."""
        chosen = logits[..., torch.from_numpy(self.tokens)].double() / self.temperature
        return torch.log_softmax(chosen, dim=-1).numpy()

    def next_log_conditionals(self, words: Integers) -> Iterator[Floats]:
        """The logarithm of p(x_t = word | x_<t), (n, T, K), some sentences at a time."""
        words = np.asarray(words, dtype=np.int64)
        size = max(1, TOKENS // words.shape[1])
        for start in range(0, len(words), size):
            part = self.tokens[words[start : start + size, :-1]]
            read = np.concatenate([np.full((len(part), 1), self.begin), part], axis=1)
            with torch.inference_mode():
                logits = self.model(input_ids=torch.from_numpy(read), use_cache=False).logits
            yield self.restricted(logits)

    def log_probabilities(self, tokens: Integers) -> Floats:
        """The logarithm of p(x_t | x_<t), (N, T); the sum over t is that of the sentence."""
        scores, start = np.empty(np.shape(tokens)), 0
        for found in self.next_log_conditionals(tokens):
            rows = slice(start, start + len(found))
            scores[rows] = np.take_along_axis(found, np.asarray(tokens)[rows, :, None], axis=2)[..., 0]
            start += len(found)
        return scores

    def conditionals(self, tokens: Integers, mask: Booleans | None = None, seen: Floats | None = None) -> Floats:
        """p(x_t = word | what is known), (N, T, K), by trying every word; of each sentence one may be unknown.

        Args:
            tokens: (N, T).
            mask: (N, T), True where the word is hidden. None: each word by itself, given all others.
            seen: (N, T, K), how probable what is seen at t would be if the word there were v, in place of both.

        Raises:
            HarnessError: several words of a sentence are unknown.
        """
        tokens, alone = np.asarray(tokens), mask is None and seen is None
        weights = np.ones((*tokens.shape, self.vocabulary)) if seen is None else seen
        if seen is not None:
            tokens, mask = seen.argmax(axis=2), (seen > 0).sum(axis=2) > 1
        unknown = np.ones(tokens.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        if unknown.sum(axis=1).max(initial=0) > 1 and not alone:
            raise HarnessError(
                f"world 'sampled_lm': found {unknown.sum(axis=1).max()} unknown words in a sentence; expected one: what "
                "they may be together is known of one alone; set pseudo_log_likelihood: true under loss"
            )
        result = np.eye(self.vocabulary)[tokens]
        for row, place in np.argwhere(unknown):
            tried = np.repeat(tokens[row][None], self.vocabulary, axis=0)
            tried[:, place] = np.arange(self.vocabulary)
            logs = self.log_probabilities(tried).sum(axis=1)
            joint = np.exp(logs - logs.max()) * weights[row, place]
            result[row, place] = joint / joint.sum()
        return result

    def masked_log_probabilities(self, tokens: Integers, mask: Booleans) -> Floats:
        """The logarithm of p(x_t | the words that are not masked) at masked t, NaN elsewhere, (N, T).

        Raises:
            HarnessError: several words of a sentence are masked.
        """
        return at_masked(self.conditionals(tokens, mask), tokens, mask)

    def can_tell(self, sentences: int, length: int, hidden: int) -> bool:
        """One hidden word, and not too many words to try."""
        return hidden <= 1 and sentences * length * self.vocabulary <= MOST_TOKENS

    def entropy(self, length: int, sentences: int, seed: int) -> Estimate:
        """Entropy of a sentence of ``length`` words in nats, from samples."""
        generator = np.random.Generator(np.random.PCG64(seed))
        losses = np.concatenate(
            [-self.log_probabilities(words).sum(axis=1) for words in self.sample(sentences, length, generator)]
        )
        return Estimate(
            float(losses.mean()), float(losses.std(ddof=1) / np.sqrt(len(losses))), sentences, "Monte Carlo"
        )


def commonest(model: Any, begin: int, ordinary: Integers, count: int, length: int, seed: int) -> Integers:
    """The tokens that a model uses most, in falling order, from the mean of its distributions over its own text.

    Args:
        model: a causal model.
        begin: the token it begins with.
        ordinary: tokens that may be used.
        count: how many to choose.
        length: tokens of a text.
        seed: of the texts.
    """
    language = SampledLanguage(model, begin, ordinary)
    uniforms = np.random.Generator(np.random.PCG64(seed)).random((BATCH, length))
    total = np.zeros(len(ordinary))
    for found in language.next_log_conditionals(language.batch(uniforms)):
        total += np.exp(found).sum(axis=(0, 1))
    return ordinary[np.argsort(-total, kind="stable")[:count]]
