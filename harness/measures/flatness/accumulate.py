"""The one loop of every trace estimator: draw a group of sequences, look at the interval, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.data.sequence_groups import SequenceGroup, in_groups
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import has_scored_token
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.ratio import RatioEstimate, ratio_estimate

Array = NDArray[np.float64]
Progress = Callable[[int, float | None], None]
"""Called after each draw with how many sequences are done and the relative half-width at the last look."""


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What one group of sequences adds, summed over its tokens.

    Attributes:
        tokens: Scored ones.
        loss: Of the true labels, nats.
        trace: Curvature by part of the model, ``(parts,)``.
        row_normalised: The same weighted by ``mean(w_row^2)``, ``(parts,)``.
        used: Whether the loss depends on each tensor, ``(tensors,)``.
        more: Further sums by name, such as the element-wise normalised one.
    """

    tokens: int
    loss: float
    trace: Array
    row_normalised: Array
    used: NDArray[np.bool_]
    more: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class DrawList:
    """All draws so far, with the cluster and bytes of each."""

    draws: list[Draw] = field(default_factory=list)
    clusters: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    sequences: int = 0

    def add(self, draw: Draw, group: SequenceGroup) -> None:
        """Append one draw.

        Raises:
            HarnessError: Its terms are not finite though its loss was.
        """
        if not (np.isfinite(draw.trace).all() and np.isfinite(draw.row_normalised).all()):
            raise HarnessError(
                f"the curvature of sequence {group.key!r} is not finite though its loss is; load the checkpoint in "
                "float32, or look for weights of extreme size"
            )
        self.draws.append(draw)
        self.clusters.append(group.cluster)
        self.bytes.append(group.bytes)
        self.sequences += len(group.sequences)

    def tokens(self) -> NDArray[np.int64]:
        """Scored tokens of each draw, ``(N,)``."""
        return np.array([draw.tokens for draw in self.draws], dtype=np.int64)

    def trace(self) -> Array:
        """Terms by draw and part, ``(N, parts)``."""
        return np.stack([draw.trace for draw in self.draws])

    def row_normalised(self) -> Array:
        """Row-normalised terms by draw and part, ``(N, parts)``."""
        return np.stack([draw.row_normalised for draw in self.draws])

    def more(self, name: str) -> Array | None:
        """A further sum by draw, ``(N,)``; None where it was not taken."""
        if name not in self.draws[0].more:
            return None
        return np.array([draw.more[name] for draw in self.draws])

    def estimate(self, terms: Array, over: Sequence[float] | NDArray | None = None) -> RatioEstimate:
        """Ratio estimate of one term per draw, per token or over what is given."""
        denominator = self.tokens() if over is None else np.asarray(over)
        return ratio_estimate(terms, denominator, np.array(self.clusters))

    def total(self) -> RatioEstimate:
        """Ratio estimate of the whole trace."""
        return self.estimate(np.array([draw.trace.sum() for draw in self.draws]))


def accumulate(
    draw: Callable[[SequenceGroup], Draw],
    sequences: Sequence[ScoredSequence],
    rule: StoppingRule,
    progress: Progress | None = None,
    watched: Callable[[DrawList], RatioEstimate] | None = None,
) -> DrawList:
    """Draw groups of sequences in their order until the rule is satisfied, or there are no more.

    The rule looks at the whole trace, or at what ``watched`` takes from the draws.

    Raises:
        HarnessError: Too few sequences or documents.
    """
    documents = len({s.cluster for s in sequences})
    check_enough(len(sequences), -(-documents // rule.group), rule)
    done, seen, looked, narrow, reached = DrawList(), set[int](), 0, 0, None
    for group in in_groups(sequences, rule.group):
        if rule.exhausted(done.sequences + len(group.sequences)):
            break
        if rule.due(len(seen), done.sequences - looked):
            estimate, looked = (watched or DrawList.total)(done), done.sequences
            reached = estimate.relative_half_width
            narrow = narrow + 1 if rule.satisfied(estimate) else 0
            if rule.confirmed(narrow):
                break
        done.add(draw(group), group)
        seen.add(group.cluster)
        if progress is not None:
            progress(done.sequences, reached)
    check_enough(done.sequences, len(seen), rule)
    return done


def apart(sequences: Iterable[ScoredSequence], objective: str) -> tuple[list[ScoredSequence], int]:
    """Sequences of which something is scored, and how many others there are.

    Raises:
        HarnessError: Nothing is scored in any.
    """
    scored, others = [], 0
    for sequence in sequences:
        if has_scored_token(sequence, objective):
            scored.append(sequence)
        else:
            others += 1
    if not scored:
        raise HarnessError(f"none of {others} sequences has a scored token; check the text, the labels and the masks")
    return scored, others


def check_enough(sequences: int, clusters: int, rule: StoppingRule) -> None:
    """Refuse fewer sequences, or clusters of them, than an interval needs.

    Raises:
        HarnessError: There are too few.
    """
    if min(sequences, clusters) >= rule.minimum:
        return
    documents = "documents" if rule.group == 1 else f"clusters of {rule.group} documents"
    found = f"{sequences} sequences from {clusters} {documents}"
    if rule.exhausted(sequences + rule.group):
        mend = f"raise maximum (now {rule.maximum} sequences), or take fewer sequences of each document"
    else:
        mend = "give more or longer text" + (", or lower group" if rule.group > 1 else "")
    raise HarnessError(
        f"found {found}; a standard error that can be trusted needs at least {rule.minimum} sequences from as many "
        f"{documents}: {mend}, or lower minimum and accept a wider interval"
    )
