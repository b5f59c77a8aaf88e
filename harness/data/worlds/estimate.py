"""Numbers known of a language, exact or with the error of a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.worlds.choosing import Floats, Integers


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity in nats over ``n`` independent sentences, and how it was found; an exact one has ``stderr`` 0."""

    value: float
    stderr: float
    n: int
    method: str


def entropies(rows: Floats) -> Floats:
    """Entropy of distributions along the last axis, nats.

    >>> round(float(entropies(np.array([[0.5, 0.5, 0.0]]))[0]), 6)
    0.693147
    """
    return -np.where(rows > 0, rows * np.log(np.where(rows > 0, rows, 1.0)), 0.0).sum(axis=-1)


def ratio(nats: Floats, tokens: Integers) -> Estimate:
    """Nats per token over sentences of several lengths, with the standard error of a ratio."""
    value = float(nats.sum() / tokens.sum())
    left = nats - value * tokens
    stderr = float(np.sqrt((left**2).sum() * len(left) / (len(left) - 1)) / tokens.sum())
    return Estimate(value, stderr, len(nats), "exact conditionals of sampled sentences")
