"""What a search found for one source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that a model wrote.

    Attributes:
        tokens: what it wrote, without what the decoder reads first and without the end.
        log_probability: the sum over its tokens, the end included, of what the search adds up, in nats: their
            log-probabilities given the source and the tokens before. A token that the model's config forces counts 0.
        finished: whether the model ended it; False where it was cut at the greatest length, even if the config has an
            end put there (BART).
    """

    tokens: list[int]
    log_probability: float
    finished: bool
