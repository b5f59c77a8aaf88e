"""Trace by XTrace: every probe sketches for the others and is tested against their sketch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.fixed_set import PassProgress
from harness.measures.flatness.left_out import Sketch, error_of_mean, moves
from harness.measures.flatness.operator import SymmetricOperator
from harness.measures.flatness.randomness import private_generator
from harness.measures.flatness.sketch import HELD, LIMIT, Sketched, SketchedTrace, orthonormal, sketched_trace


def xtrace(
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

    With ``k = products / 2`` probes ``w_i``, uniform on the sphere, and ``Q_i`` an orthonormal basis of the images
    ``A w_j`` of all others, ``m_i = (I - Q_i Q_i') w_i`` is uniform in direction in the ``P - k + 1`` dimensions that
    ``Q_i`` leaves, so that each of

        ``t_i = Tr(Q_i' A Q_i) + (P - k + 1) m_i' A m_i / |m_i|^2``

    is unbiased, and so is their mean. They are not independent, and ``left_out.error_of_mean`` allows for it; the 95 %
    interval of the probes alone covered 0.93 to 0.99 (simulated: 6 to 40 probes, spectra that are flat, fall by a power or
    exponentially, have spikes or few eigenvalues, or both signs; most where as many probes as spikes, or a fast decay).
    Epperly, Tropp and Webber, XTrace: Making the Most of Every Sample in Stochastic Trace Estimation (2024),
    sections 2 and 3. All ``Q_i`` live in the span of one basis, so that ``k`` further products do for all of them. For small
    models: about ``2 products`` vectors of the size of the model are held.

    Args:
        model: As for ``hessian_trace``, in float32 or float64.
        sequences: Unpadded, in the order in which they are to be taken.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        matrix: "gauss_newton" or "hessian".
        products: At least 4; an odd one is left.
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
        "xtrace", xtrace_of, model, sequences, objective=objective, seed=seed, matrix=matrix,
        products=products, held=HELD * (products // 2), limit=limit, minimum=minimum, maximum=maximum, progress=progress,
    )  # fmt: skip


def xtrace_of(operator: SymmetricOperator, products: int, seed: int) -> Sketched:
    """XTrace on any operator.

    Raises:
        HarnessError: Fewer than 4 products.
    """
    count = min(products // 2, operator.size)
    if count < 2:
        raise HarnessError(f"XTrace was given {products} products; two probes need at least 4")
    probes = _directions(operator, count, seed)
    sketch = _sketched(operator, probes)
    terms = np.stack([sketch.value(i, sketch.space(i)) for i in range(count)])
    tokens = int(operator.tokens.sum())
    values = terms.sum(1) / tokens
    stderr, freedom = error_of_mean(values, moves(sketch.mean(tokens), values))
    return Sketched(float(values.mean()), stderr, freedom, terms.mean(0), 2 * count)


def _sketched(operator: SymmetricOperator, probes: Tensor) -> Sketch:
    """Two passes: the images of the probes, and those of a basis of them."""
    count = len(probes)
    first = operator.apply(probes, against=probes)
    basis = orthonormal(first.products)
    second = operator.apply(basis, against=torch.cat([basis, probes]))
    assert first.terms is not None and second.terms is not None
    return Sketch(
        inside=second.terms[:, :count],
        crossed=second.terms[:, count:],
        squares=np.einsum("nkk->nk", first.terms),
        images=(basis @ first.products.T).double().cpu().numpy(),
        overlaps=(basis @ probes.T).double().cpu().numpy(),
        norms=probes.double().square().sum(1).cpu().numpy(),
        size=operator.size,
        rounding=torch.finfo(operator.dtype).eps,
    )


def _directions(operator: SymmetricOperator, count: int, seed: int) -> Tensor:
    """Private vectors, uniform on the sphere of radius ``sqrt(P)``."""
    drawn = [
        torch.randn(operator.size, generator=private_generator(seed, number, "xtrace probe"), dtype=operator.dtype)
        for number in range(count)
    ]
    vectors = torch.stack(drawn).to(operator.device)
    return vectors * (operator.size**0.5 / torch.linalg.vector_norm(vectors, dim=1, keepdim=True))
