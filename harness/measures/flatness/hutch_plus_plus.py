"""Trace by Hutch++: exact on a sketched subspace, Hutchinson's estimator on the rest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.combined import standard_error
from harness.measures.flatness.fixed_set import PassProgress, sign_probes
from harness.measures.flatness.operator import SymmetricOperator
from harness.measures.flatness.sketch import HELD, LIMIT, Sketched, SketchedTrace, orthonormal, sketched_trace


def hutch_plus_plus(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    matrix: str = "gauss_newton",
    products: int = 48,
    limit: int = LIMIT,
    minimum: int = 32,
    maximum: int | None = None,
    progress: PassProgress | None = None,
) -> SketchedTrace:
    r"""Estimate a trace on a fixed set of sequences with ``products`` products over all of them.

    With ``k = products / 3``, sign matrices ``S`` and ``G`` of ``k`` columns and ``Q`` an orthonormal basis of
    ``A S``,

        ``Tr(Q' A Q) + 1/k sum_i g_i' (I - QQ') A (I - QQ') g_i``

    is unbiased, and its error falls as one over ``products`` rather than its root: Meyer, Musco, Musco and Woodruff,
    Hutch++: Optimal Stochastic Trace Estimation (2021), algorithm 1. Given ``Q`` the second part is a mean of
    ``k`` independent values, whose standard error is the estimator's own. For small models: about ``4/3 products``
    vectors of the size of the model are held. It pays from some 36 products on, on a spectrum that falls fast; the error
    over documents remains whatever the probes, and stands in the result.

    Args:
        model: As for ``hessian_trace``, in float32 or float64.
        sequences: Unpadded, in the order in which they are to be taken.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        matrix: "gauss_newton" or "hessian".
        products: At least 6; what is over a multiple of three is left.
        limit: Most trainable parameters.
        minimum: Documents needed for an interval.
        maximum: Most sequences to take.
        progress: Called after each pass with the products so far.

    Returns:
        The trace in nats per token per squared unit of parameter.

    Raises:
        HarnessError: As ``spectrum``, too few products, or a model above the limit.
    """
    return sketched_trace(
        "hutch++", hutch_plus_plus_of, model, sequences, objective=objective, seed=seed, matrix=matrix,
        products=products, held=HELD * (products // 3), limit=limit, minimum=minimum, maximum=maximum, progress=progress,
    )  # fmt: skip


def hutch_plus_plus_of(operator: SymmetricOperator, products: int, seed: int) -> Sketched:
    """Hutch++ on any operator.

    Raises:
        HarnessError: Fewer than 6 products.
    """
    count = min(products // 3, operator.size)
    if count < 2:
        raise HarnessError(f"Hutch++ was given {products} products; two probes on the rest need at least 6")
    basis = orthonormal(operator.apply(sign_probes(operator, count, seed, "hutch++ sketch")).products)
    inside = operator.apply(basis, against=basis).terms
    rest = sign_probes(operator, count, seed, "hutch++ rest")
    rest -= (rest @ basis.T) @ basis
    outside = operator.apply(rest, against=rest).terms
    assert inside is not None and outside is not None
    tokens = int(operator.tokens.sum())
    values = np.einsum("nkk->k", outside) / tokens
    return Sketched(
        value=float(np.einsum("nkk->", inside)) / tokens + float(values.mean()),
        probe_stderr=standard_error(values),
        freedom=count - 1,
        terms=np.einsum("nkk->n", inside) + np.einsum("nkk->n", outside) / count,
        products=3 * count,
    )
