"""Trace, squared Frobenius norm and effective rank of a curvature matrix, with both kinds of error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.measures.flatness.combined import CombinedEstimate, combined, standard_error
from harness.measures.flatness.operator import SymmetricOperator, halves
from harness.measures.ratio import ratio_estimate


@dataclass(frozen=True, slots=True)
class Moments:
    r"""First and second power sums of the eigenvalues, from ``v`` with independent signs.

    ``Tr A = E v'Av`` (Hutchinson 1990) and ``|A|_F^2 = Tr A^2 = E |Av|^2``. The effective rank is
    ``Tr(A)^2 / |A|_F^2``: the number of equal eigenvalues that would have the same trace and norm.

    Errors over documents are of first order: ``d|A|_F^2 = 2 Tr(A dA)``, whose terms are ``2 (Av)' A_s v``, and for
    the rank the terms of both by the chain rule. They leave out a bias: the mean of a sample has the larger norm,
    ``E |A_S|_F^2 = |A|_F^2 + E |A_S - A|_F^2``, so that few documents show a norm that is too large and a rank that
    is too small. ``*_held_out`` takes the two factors from different halves of the documents, ``(A_1 v)'(A_2 v)``, and
    for the rank ``Tr A_1 Tr A_2`` over it: no such bias in the norm, more noise.

    Attributes:
        trace: Nats per token per squared unit of parameter.
        frobenius_squared: The square of that unit.
        effective_rank: A number of directions.
        frobenius_squared_held_out: See above.
        effective_rank_held_out: See above; None where the two halves have nothing in common.
    """

    trace: CombinedEstimate
    frobenius_squared: CombinedEstimate
    effective_rank: CombinedEstimate
    frobenius_squared_held_out: float
    effective_rank_held_out: float | None


def moments(operator: SymmetricOperator, probes: Tensor) -> Moments:
    """Two products of each probe ``(K, P)``, of signs, with the operator."""
    first, second = (operator.restricted(mask) for mask in halves(operator))
    left, right = first.apply(probes).products, second.apply(probes).products
    share = first.tokens.sum() / operator.tokens.sum()
    images = float(share) * left + float(1 - share) * right
    terms = operator.apply(probes, against=torch.cat([probes, images])).terms
    assert terms is not None
    count = len(probes)
    own = terms[:, :count].diagonal(axis1=1, axis2=2).mean(1)
    crossed = 2 * terms[:, count:].diagonal(axis1=1, axis2=2).mean(1)
    traces, squares = _dots(probes, images), _dots(images, images)
    norm, overlap = float(squares.mean()), float(_dots(left, right).mean())
    by_trace, by_norm = 2 * traces.mean() / norm, traces.mean() ** 2 / norm**2
    halved = float(_dots(probes, left).mean() * _dots(probes, right).mean())
    return Moments(
        _estimate(operator, traces, own),
        _estimate(operator, squares, crossed),
        _estimate(operator, by_trace * traces - by_norm * squares, by_trace * own - by_norm * crossed),
        overlap,
        halved / overlap if overlap > 0 else None,
    )


def _estimate(operator: SymmetricOperator, values: NDArray[np.float64], terms: NDArray[np.float64]) -> CombinedEstimate:
    documents = ratio_estimate(terms, operator.tokens, operator.clusters)
    return combined(float(values.mean()), standard_error(values), len(values) - 1, documents)


def _dots(left: Tensor, right: Tensor) -> NDArray[np.float64]:
    """Row by row, in float64."""
    return np.array([float((a.double() * b.double()).sum()) for a, b in zip(left, right, strict=True)])
