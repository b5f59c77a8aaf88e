"""The Hessian trace by PyHessian, to check ours against: the wheel's products, our weighting, errors and stopping rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.accumulate import Progress, check_enough
from harness.measures.flatness.forward import finite_loss, has_scored_token
from harness.measures.flatness.pyhessian_wheel import (
    NEVER,
    Subject,
    borrowed,
    opened,
    scored_tokens,
    seed_global,
    subject_of,
)
from harness.measures.flatness.stopping import StoppingRule
from harness.measures.flatness.tensors_in_out import WeightedLoss
from harness.measures.flatness.two_way import TwoWayEstimate, two_way_estimate

PURPOSE = "pyhessian probe"
MINIMUM_PROBES, MAXIMUM_PROBES = 16, 256
"""Before the first look at the interval (two that agree by chance would end it), and at all."""


@dataclass(frozen=True, slots=True)
class PyhessianTrace:
    """A trace by the wheel's products.

    Attributes:
        trace: Nats per token per squared unit of parameter.
        stderr: Its standard error, of documents and of the shared probes together.
        low: Lower end of the 95 % interval.
        high: Upper end.
        reached: Half-width of the interval over ``|trace|``.
        precision: The half-width that was asked for; None where every sequence was to be taken.
        data_stderr: The documents' part, as if these probes were all there are.
        probe_stderr: The probes' part, as if these documents were all there are.
        nats_per_token: Loss of the true labels on the same tokens.
        clusters: Documents.
        sequences: Sequences that every probe met.
        probes: Shared probes.
        tokens: Scored tokens.
        parameters: Trainable parameters, tied ones once.
        dtype: Their floating type.
        kernel: Attention kernel.
        seed: Seed of the probes.
        warnings: What a reader must know.
        products: ``v_k' H_s v_k`` of sequence ``s`` and probe ``k``, summed over tokens, ``(sequences, probes)``.
    """

    trace: float
    stderr: float
    low: float
    high: float
    reached: float
    precision: float | None
    data_stderr: float
    probe_stderr: float
    nats_per_token: float
    clusters: int
    sequences: int
    probes: int
    tokens: int
    parameters: int
    dtype: str
    kernel: str
    seed: int
    warnings: tuple[str, ...]
    products: NDArray[np.float64] = field(compare=False, repr=False)


def pyhessian_trace(
    model: torch.nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    precision: float | None = 0.05,
    minimum: int = 32,
    maximum: int | None = None,
    probes: int = MINIMUM_PROBES,
    progress: Progress | None = None,
) -> PyhessianTrace:
    r"""Estimate ``Tr H`` as ``hessian_trace`` does, with the wheel's Hessian-vector products.

    One ``pyhessian.hessian`` object for each sequence, whose retained graph serves all probes; all sequences meet the
    same probes, as in the wheel's own loop over a data loader. Sums over tokens are divided by the tokens of all
    sequences at the end. Probes and documents are both samples: the standard error covers both, by
    ``two_way_estimate``, and whichever kind has the larger part is added to until the interval is narrow enough.

    Args:
        model: A language model in float32 or float64. Its mode, ``.grad`` and the global random state are restored.
        sequences: Unpadded, in the order in which they are to be drawn.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        precision: 95 % half-width to reach, as a fraction of the magnitude; None takes every sequence.
        minimum: Documents needed for an interval.
        maximum: Most sequences to take.
        probes: The number of probes with ``precision`` None; else those to begin with, no fewer than 16.
        progress: Called after each sequence with the count and the precision last seen.

    Raises:
        HarnessError: Too little text, fewer than two probes, a loss that is not finite or not deterministic, half
            precision, an attention kernel without second derivatives, no logits, or nothing trainable.
    """
    subject, rule = subject_of(model, objective), StoppingRule(precision, minimum, maximum)
    if probes < 2:
        raise HarnessError(f"probes is {probes}; a standard error needs at least two")
    stream = (s for s in sequences if has_scored_token(s, objective))
    first = next(stream, None)
    if first is None:
        raise HarnessError("no sequence has a scored token; check the text, the labels and the masks")
    start = probes if precision is None else max(probes, MINIMUM_PROBES)
    table = _Table(subject, seed, start, progress)
    with borrowed(subject, first):
        table.take(first)
        estimate = _grow(table, stream, rule)
    tokens = sum(table.tokens)
    return PyhessianTrace(
        trace=estimate.value, stderr=estimate.stderr, low=estimate.low, high=estimate.high,
        reached=estimate.relative_half_width, precision=precision, data_stderr=estimate.data_stderr,
        probe_stderr=estimate.probe_stderr, nats_per_token=math.fsum(table.losses) / tokens,
        clusters=estimate.clusters, sequences=len(table.sequences), probes=table.probes, tokens=tokens,
        parameters=subject.parameters, dtype=subject.dtype, kernel=subject.kernel, seed=seed,
        warnings=tuple(_warnings(estimate, rule, len(table.sequences))), products=table.matrix(),
    )  # fmt: skip


def _grow(table: _Table, stream: Iterator[ScoredSequence], rule: StoppingRule) -> TwoWayEstimate:
    """Take the pilot, then add sequences or probes, whichever err more, until the rule is satisfied or neither helps."""
    while len(table.clusters) < rule.minimum or rule.precision is None:
        if not table.take_next(stream, rule):
            break
    check_enough(len(table.sequences), len(table.clusters), rule)
    more = rule.precision is not None
    while True:
        estimate = table.estimate()
        reached = table.reached = estimate.relative_half_width
        if rule.precision is None or reached <= rule.precision:
            return estimate
        wants_probes = estimate.probe_stderr > estimate.data_stderr or not more
        if wants_probes and table.probes < MAXIMUM_PROBES and not _hopeless(estimate, rule, more):
            table.add_probes(max(4, table.probes // 4))
        elif more:
            wanted = max(rule.every, len(table.sequences) // 4)
            more = all(table.take_next(stream, rule) for _ in range(wanted))
        else:
            return estimate


def _hopeless(estimate: TwoWayEstimate, rule: StoppingRule, more: bool) -> bool:
    """Whether the documents alone, of which there are no more, err more than the whole may."""
    half_width = (estimate.high - estimate.low) / 2 * (estimate.data_stderr / estimate.stderr)
    return not more and half_width > (rule.precision or 0.0) * abs(estimate.value)


class _Table:
    """Products by sequence and probe, grown on either side."""

    def __init__(self, subject: Subject, seed: int, probes: int, progress: Progress | None) -> None:
        self.subject, self.seed, self.probes, self.progress = subject, seed, probes, progress
        self.loss = WeightedLoss(subject.trainable)
        self.sequences: list[ScoredSequence] = []
        self.clusters: set[int] = set()
        self.products: list[list[float]] = []
        self.tokens: list[int] = []
        self.losses: list[float] = []
        self.reached: float | None = None

    def take_next(self, stream: Iterator[ScoredSequence], rule: StoppingRule) -> bool:
        """Take one more sequence; False where there is none, or the limit is reached."""
        if rule.exhausted(len(self.sequences) + 1):
            return False
        sequence = next(stream, None)
        if sequence is not None:
            self.take(sequence)
        return sequence is not None

    def take(self, sequence: ScoredSequence) -> None:
        """Let a sequence meet all probes."""
        self.products.append(self._meet(sequence, range(self.probes)))
        self.losses.append(self.loss.last)
        self.tokens.append(scored_tokens(self.subject.batch([sequence])[1]))
        self.sequences.append(sequence)
        self.clusters.add(sequence.cluster)
        if self.progress is not None:
            self.progress(len(self.sequences), self.reached)

    def add_probes(self, count: int) -> None:
        """Let all sequences meet further probes."""
        further = range(self.probes, min(self.probes + count, MAXIMUM_PROBES))
        for sequence, row in zip(self.sequences, self.products, strict=True):
            row.extend(self._meet(sequence, further))
            if self.progress is not None:
                self.progress(len(self.sequences), self.reached)
        self.probes = further.stop

    def matrix(self) -> NDArray[np.float64]:
        """All products, ``(sequences, probes)``."""
        return np.array(self.products)

    def estimate(self) -> TwoWayEstimate:
        """The trace with its error."""
        return two_way_estimate(
            self.matrix(), np.array(self.tokens), np.array([sequence.cluster for sequence in self.sequences])
        )

    def _meet(self, sequence: ScoredSequence, numbers: Sequence[int]) -> list[float]:
        products: list[float] = []
        with opened(self.subject, self.loss, data=self.subject.batch([sequence])) as wheel:
            finite_loss(torch.tensor(self.loss.last, dtype=torch.float64), sequence)
            for number in numbers:
                seed_global(self.seed, number, PURPOSE)
                products += wheel.trace(maxIter=1, tol=NEVER)
        if not np.isfinite(products).all():
            raise HarnessError(
                f"a Hessian product of sequence {sequence.key!r} is not finite though its loss is; load the checkpoint "
                "in float64"
            )
        return products


def _warnings(estimate: TwoWayEstimate, rule: StoppingRule, sequences: int) -> Iterable[str]:
    if rule.precision is not None and estimate.relative_half_width > rule.precision:
        yield (
            f"precision not reached: asked {rule.precision:.1%}, reached {estimate.relative_half_width:.1%} after "
            f"{sequences} sequences and {estimate.probes} probes"
        )
