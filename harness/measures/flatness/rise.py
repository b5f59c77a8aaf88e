"""How far the loss rises at several distances from the weights, and the distance at which it has risen so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from harness.errors import HarnessError
from harness.measures.flatness.accumulate import DrawList
from harness.measures.flatness.layout import ParameterLayout
from harness.measures.flatness.result import SequenceTerms
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.flatness.warnings import precision_warning, tail_warning, unscored_warning
from harness.measures.ratio import RatioEstimate, t_quantile


@dataclass(frozen=True, slots=True)
class RiseResult:
    """Rise of the loss at several distances.

    Attributes:
        quantity: "noise" (mean over directions) or "ascent" (in the worst direction that was found).
        rises: By distance, ascending, nats per token.
        leading: The distance whose precision decided when to stop.
        reached: Half-width of its interval over its magnitude.
        precision: What was asked for; None where every sequence was to be taken.
        nats_per_token: Loss on the same tokens at the weights as they are.
        clusters: Documents, or groups of them.
        sequences: Sequences drawn.
        tokens: Scored tokens.
        parameters: Parameters moved, tied ones once.
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
        seed: Seed of the directions.
        layout: Hash of names and shapes.
        warnings: What a reader must know.
        terms: Per draw: ``trace`` holds the rise at the leading distance.
    """

    quantity: str
    rises: dict[float, RatioEstimate]
    leading: float
    reached: float
    precision: float | None
    nats_per_token: float
    clusters: int
    sequences: int
    tokens: int
    parameters: int
    dtype: str
    kernel: str
    seed: int
    layout: str
    warnings: tuple[str, ...]
    terms: SequenceTerms = field(compare=False, repr=False)

    def distance_that_costs(self, nats: float) -> RatioEstimate | None:
        """The distance at which the loss has risen by ``nats`` per token, between those that were measured.

        The logarithm of the rise is taken to be straight in that of the distance between two neighbours, and the error
        is that of the two rises, which share their draws, divided by the slope there. None where the rise does not
        cross ``nats`` between two distances at which it is above zero.
        """
        distances = list(self.rises)
        for near, far in pairwise(distances):
            low, high = self.rises[near], self.rises[far]
            if 0 < low.value <= nats <= high.value and low.value < high.value:
                share = math.log(nats / low.value) / math.log(high.value / low.value)
                value = math.exp((1 - share) * math.log(near) + share * math.log(far))
                # d log(distance) = -[(1 - share) d log(low) + share d log(high)] / slope; errors in step, the most there is.
                slope = math.log(high.value / low.value) / math.log(far / near)
                relative = ((1 - share) * low.stderr / low.value + share * high.stderr / high.value) / slope
                half_width = t_quantile(self.clusters - 1) * value * relative
                return RatioEstimate(value, value * relative, value - half_width, value + half_width, self.clusters)
        return None


def rises(
    quantity: str,
    distances: Sequence[float],
    draws: DrawList,
    layout: ParameterLayout,
    rule: StoppingRule,
    dtype: str,
    kernel: str,
    seed: int,
    unscored: int,
) -> RiseResult:
    """Turn draws, whose parts are distances, into a result."""
    terms = draws.trace()  # (draws, distances)
    found = {distance: draws.estimate(terms[:, n]) for n, distance in enumerate(distances)}
    leading = leading_of(distances)
    estimate, tokens = found[distances[leading]], draws.tokens()
    clusters = np.array(draws.clusters)
    warnings = [
        *precision_warning(rule.precision, estimate.relative_half_width, draws.sequences),
        *tail_warning(terms[:, leading], clusters),
        *unscored_warning(unscored),
    ]
    return RiseResult(
        quantity=quantity,
        rises=found,
        leading=distances[leading],
        reached=estimate.relative_half_width,
        precision=rule.precision,
        nats_per_token=sum(draw.loss for draw in draws.draws) / int(tokens.sum()),
        clusters=estimate.clusters,
        sequences=draws.sequences,
        tokens=int(tokens.sum()),
        parameters=layout.parameters,
        dtype=dtype,
        kernel=kernel,
        seed=seed,
        layout=layout.fingerprint,
        warnings=tuple(warnings),
        terms=SequenceTerms(clusters, tokens, terms[:, leading]),
    )


def leading_of(distances: Sequence[float]) -> int:
    """Which distance decides when to stop: the middle one, the farther of two; near ones drown in their noise.

    >>> leading_of((0.02, 0.05, 0.1, 0.2)), leading_of((0.1,))
    (2, 0)
    """
    return len(distances) // 2


def check_distances(distances: Sequence[float], of: str) -> tuple[float, ...]:
    """Distances in ascending order.

    Raises:
        HarnessError: There is none, or one is not above zero.
    """
    if not distances or min(distances) <= 0 or not all(map(math.isfinite, distances)):
        raise HarnessError(f"{of} is {list(distances)}; give one or more numbers above 0, as [0.02, 0.05, 0.1, 0.2]")
    return tuple(sorted(set(distances)))
