"""The one loop of every trace estimator: draw a sequence, look at the interval, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import has_scored_token
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.ratio import RatioEstimate, ratio_estimate

Progress = Callable[[int, float | None], None]
"""Called after each sequence with how many are done and the relative half-width at the last look."""


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What one sequence adds: per tensor its curvature term and the row-normalised one, summed over tokens."""

    tokens: int
    loss: float
    trace: NDArray[np.float64]
    row_normalised: NDArray[np.float64]
    used: NDArray[np.bool_]


@dataclass(slots=True)
class Draws:
    """All draws so far, with the cluster and bytes of each."""

    draws: list[Draw] = field(default_factory=list)
    clusters: list[int] = field(default_factory=list)
    bytes: int = 0
    unscored: int = 0

    def add(self, draw: Draw, sequence: ScoredSequence) -> None:
        """Append one draw.

        Raises:
            HarnessError: Its terms are not finite though its loss was.
        """
        if not (np.isfinite(draw.trace).all() and np.isfinite(draw.row_normalised).all()):
            raise HarnessError(
                f"the gradient of sequence {sequence.key!r} is not finite though its loss is; load the checkpoint in "
                "float32"
            )
        self.draws.append(draw)
        self.clusters.append(sequence.cluster)
        self.bytes += sequence.bytes

    def tokens(self) -> NDArray[np.int64]:
        """Scored tokens of each sequence, ``(N,)``."""
        return np.array([draw.tokens for draw in self.draws], dtype=np.int64)

    def trace(self) -> NDArray[np.float64]:
        """Terms by sequence and tensor, ``(N, tensors)``."""
        return np.stack([draw.trace for draw in self.draws])

    def row_normalised(self) -> NDArray[np.float64]:
        """Row-normalised terms by sequence and tensor, ``(N, tensors)``."""
        return np.stack([draw.row_normalised for draw in self.draws])

    def estimate(self, terms: NDArray[np.float64]) -> RatioEstimate:
        """Ratio estimate of one term per sequence."""
        return ratio_estimate(terms, self.tokens(), np.array(self.clusters))

    def total(self) -> RatioEstimate:
        """Ratio estimate of the whole trace."""
        return self.estimate(np.array([draw.trace.sum() for draw in self.draws]))


def accumulate(
    draw: Callable[[ScoredSequence], Draw],
    sequences: Iterable[ScoredSequence],
    objective: str,
    rule: StoppingRule,
    progress: Progress | None = None,
) -> Draws:
    """Draw sequences in their order until the rule is satisfied, or there are no more.

    Raises:
        HarnessError: Too few sequences or documents, or nothing scored in any of them.
    """
    if isinstance(sequences, Sized) and len(sequences) < rule.minimum:
        raise _too_few(len(sequences), None, rule)
    done, seen, looked, reached = Draws(), set[int](), 0, None
    for sequence in sequences:
        if not has_scored_token(sequence, objective):
            done.unscored += 1
            continue
        if rule.exhausted(len(done.draws)):
            break
        if rule.due(len(seen), len(done.draws) - looked):
            estimate, looked = done.total(), len(done.draws)
            reached = estimate.relative_half_width
            if rule.satisfied(estimate):
                break
        done.add(draw(sequence), sequence)
        seen.add(sequence.cluster)
        if progress is not None:
            progress(len(done.draws), reached)
    if not done.draws:
        raise HarnessError(f"none of {done.unscored} sequences has a scored token; check labels and the mask rate")
    if len(seen) < rule.minimum:
        raise _too_few(len(done.draws), len(seen), rule)
    return done


def _too_few(sequences: int, clusters: int | None, rule: StoppingRule) -> HarnessError:
    found = f"{sequences} sequences" + ("" if clusters is None else f" from {clusters} documents")
    if clusters is not None and rule.exhausted(sequences):
        mend = f"raise maximum (now {rule.maximum} sequences), or take fewer sequences of each document"
    else:
        mend = "give more or longer text"
    return HarnessError(
        f"found {found}; a standard error that can be trusted needs at least {rule.minimum} sequences from as many "
        f"documents: {mend}, or lower minimum and accept a wider interval"
    )
