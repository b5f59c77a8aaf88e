"""What Hutch++ and XTrace share: the refusal of large models, the vectors they may hold, and their result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.combined import CombinedEstimate, combined
from harness.measures.flatness.fixed_set import GIB, Counted, PassProgress, fixed_set, room
from harness.measures.flatness.operator import CurvatureOperator, SymmetricOperator
from harness.measures.ratio import ratio_estimate

LIMIT = 10_000_000
HELD = 4
"""Vectors held for each vector of a sketch: the probes, their images, a basis, and the room to make it orthonormal."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketched:
    """What a sketching estimator finds, given an operator.

    Attributes:
        value: The trace.
        probe_stderr: Its own estimate of its error with the documents fixed.
        freedom: Degrees of freedom of that error.
        terms: Per sequence its part of the estimate, summed over tokens, with the probes fixed.
        products: Products with the matrix.
    """

    value: float
    probe_stderr: float
    freedom: float
    terms: NDArray[np.float64]
    products: int


@dataclass(frozen=True, slots=True, eq=False)
class SketchedTrace:
    """A trace by sketching, in nats per token per squared unit of parameter.

    Attributes:
        estimator: "hutch++" or "xtrace".
        matrix: "hessian" or "gauss_newton".
        trace: Value and interval, with the error of the probes and of the documents.
        cluster: Document of each sequence.
        terms: Per sequence its part of the trace, summed over its tokens.
        token_counts: Scored tokens of each sequence.
        nats_per_token: Loss of the true labels.
        clusters: Documents.
        sequences: Sequences.
        tokens: Scored tokens.
        parameters: Length of a vector, tied parameters once.
        products: Products with the matrix, each over all sequences.
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
        seed: Seed of the probes.
    """

    estimator: str
    matrix: str
    trace: CombinedEstimate
    cluster: NDArray[np.int64]
    terms: NDArray[np.float64]
    token_counts: NDArray[np.int64]
    nats_per_token: float
    clusters: int
    sequences: int
    tokens: int
    parameters: int
    products: int
    dtype: str
    kernel: str
    seed: int


def with_errors(operator: SymmetricOperator, found: Sketched) -> CombinedEstimate:
    """Join the sketch's own error with that over documents, from the terms of the same probes."""
    documents = ratio_estimate(found.terms, operator.tokens, operator.clusters)
    return combined(found.value, found.probe_stderr, found.freedom, documents)


def sketched_trace(
    estimator: str,
    sketch: Callable[[SymmetricOperator, int, int], Sketched],
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    matrix: str,
    products: int,
    held: int,
    limit: int,
    minimum: int,
    maximum: int | None,
    progress: PassProgress | None,
) -> SketchedTrace:
    """Check, take the sequences, sketch, and add the error over documents.

    Args:
        estimator: Its name.
        sketch: Takes an operator, the number of products and the seed.
        model: As for ``hessian_trace``.
        sequences: Unpadded.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        matrix: "gauss_newton" or "hessian".
        products: Products with the matrix.
        held: Vectors of the model's size that are in memory at once.
        limit: Most parameters.
        minimum: Documents needed for an interval.
        maximum: Most sequences.
        progress: Called after each pass.

    Raises:
        HarnessError: As ``CurvatureOperator`` and ``fixed_set``, or a model above the limit.
    """
    check_size(estimator, model, held, limit)
    taken = fixed_set(sequences, objective, minimum, maximum)
    curvature = CurvatureOperator(model, taken, objective, matrix)
    found = sketch(Counted(curvature, progress), products, seed)
    return SketchedTrace(
        estimator=estimator,
        matrix=matrix,
        trace=with_errors(curvature, found),
        cluster=curvature.clusters,
        terms=found.terms,
        token_counts=curvature.tokens,
        nats_per_token=float(curvature.losses.sum() / curvature.tokens.sum()),
        clusters=len(set(curvature.clusters.tolist())),
        sequences=len(taken),
        tokens=int(curvature.tokens.sum()),
        parameters=curvature.size,
        products=found.products,
        dtype=curvature.parameter_dtype,
        kernel=curvature.kernel,
        seed=seed,
    )


def check_size(estimator: str, model: nn.Module, held: int, limit: int) -> None:
    """Refuse a model whose vectors are too many and too long.

    Raises:
        HarnessError: More trainable parameters than the limit.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    size = sum(p.numel() for p in trainable)
    if size > limit:
        wide = torch.float64 if any(p.dtype == torch.float64 for p in trainable) else torch.float32
        need = room(held, size, wide) / GIB
        raise HarnessError(
            f"{estimator} on {size:,} parameters would hold {held} vectors of that length, {need:.1f} GiB, and is meant "
            f"for models of at most {limit:,}; take the estimator 'fisher' or 'hessian', or raise 'limit' where memory allows"
        )


def orthonormal(vectors: Tensor) -> Tensor:
    """An orthonormal basis whose span holds the rows, ``(k, P)`` for ``k <= P``.

    >>> bool(torch.allclose(orthonormal(torch.tensor([[3.0, 0.0], [1.0, 1.0]])).abs(), torch.eye(2)))
    True
    """
    basis, _ = torch.linalg.qr(vectors.T)
    return basis.T
