"""Spectrum of the Hessian or the Gauss-Newton matrix: its ends, its density, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.blocks import block_of, layer_of
from harness.measures.flatness.eigenvalues import EndValue, end_values, end_vectors, held_out, shares
from harness.measures.flatness.fixed_set import GIB, Counted, PassProgress, fixed_set, room, sign_probes
from harness.measures.flatness.lanczos import Tridiagonal, lanczos
from harness.measures.flatness.moments import Moments, moments
from harness.measures.flatness.operator import CurvatureOperator, SymmetricOperator
from harness.measures.flatness.quadrature import Density, Quadrature

UNRESOLVED = 0.01


@dataclass(frozen=True, slots=True)
class Direction:
    """Where an eigenvector lies: its squared norm by part of the network, as fractions of one."""

    by_block: dict[str, float]
    by_layer: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumResult:
    """Spectrum of the curvature of the loss on a fixed set of sequences.

    Attributes:
        matrix: "hessian" or "gauss_newton".
        largest: The largest eigenvalues by algebraic value, downwards; nats per token per squared unit of parameter.
        smallest: For the Hessian the most negative ones, upwards; empty for a Gauss-Newton matrix, which has none.
        directions: Where the eigenvectors of ``largest`` lie.
        smallest_directions: Where those of ``smallest`` lie.
        moments: Trace, squared Frobenius norm, effective rank.
        negative_share: Share of negative mass, ``sum_{lambda<0} |lambda| / sum |lambda|``; None for Gauss-Newton.
        negative_share_stderr: Its standard error over probes, the documents fixed.
        density: Smoothed density of all ``parameters`` eigenvalues.
        quadrature: Its nodes and weights, for a density of another width or scale.
        nats_per_token: Loss of the true labels.
        clusters: Documents.
        sequences: Sequences.
        tokens: Scored tokens.
        bytes: UTF-8 bytes of the scored tokens, as the sequences gave them.
        parameters: Length of a vector, tied parameters once.
        steps: Lanczos steps of each probe, at most.
        probes: Probes.
        products: Products with the whole matrix that were made.
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
        seed: Seed of the probes.
        warnings: What a reader must know.
    """

    matrix: str
    largest: tuple[EndValue, ...]
    smallest: tuple[EndValue, ...]
    directions: tuple[Direction, ...]
    smallest_directions: tuple[Direction, ...]
    moments: Moments
    negative_share: float | None
    negative_share_stderr: float | None
    density: Density
    quadrature: Quadrature
    nats_per_token: float
    clusters: int
    sequences: int
    tokens: int
    bytes: int
    parameters: int
    steps: int
    probes: int
    products: int
    dtype: str
    kernel: str
    seed: int
    warnings: tuple[str, ...]


def spectrum(
    model: nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    matrix: str = "gauss_newton",
    eigenvalues: int = 5,
    steps: int = 32,
    probes: int = 4,
    hold_out: bool = True,
    minimum: int = 32,
    maximum: int | None = None,
    memory: int = 4 * GIB,
    progress: PassProgress | None = None,
) -> SpectrumResult:
    r"""Largest eigenvalues by Lanczos' method, and the density of all by stochastic Lanczos quadrature.

    Every probe is a start of Lanczos' method; the first run's Ritz vectors give the ends of the spectrum, all runs
    its density. Costs ``expected_products(...)`` products with the matrix, each over all sequences, and
    ``steps`` vectors of the size of the model for each probe that runs at the same time (as many as fit in
    ``memory``; those share graphs).

    Args:
        model: As for ``hessian_trace``, in float32 or float64.
        sequences: Unpadded, in the order in which they are to be taken.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        matrix: "gauss_newton" or "hessian".
        eigenvalues: How many at each end.
        steps: Lanczos steps; more resolve more eigenvalues and a finer density.
        probes: At least 2; the errors over probes shrink as one over their square root.
        hold_out: Whether to judge eigenvectors of half the documents on the other half: ``steps`` products more.
        minimum: Documents needed for an interval.
        maximum: Most sequences to take.
        memory: Bytes that the vectors of Lanczos' method may take.
        progress: Called after each pass over the sequences with the products so far and the relative half-width of the
            trace once it is known.

    Raises:
        HarnessError: Too little text, a loss that is not finite or not deterministic, half precision, attention
            without second derivatives, no logits, nothing trainable, numbers out of range, or too little memory.
    """
    _check(eigenvalues, steps, probes, matrix)
    taken = fixed_set(sequences, objective, minimum, maximum)
    curvature = CurvatureOperator(model, taken, objective, matrix)
    together = runs_at_once(curvature, steps, probes, memory)
    operator = Counted(curvature, progress)
    signs = sign_probes(operator, probes, seed, "spectrum probe")
    power_sums = moments(operator, signs)
    trace = power_sums.trace
    operator.reached = (trace.high - trace.low) / 2 / abs(trace.value) if trace.value else None
    smallest = eigenvalues if matrix == "hessian" else 0
    runs, vectors = _runs(operator, signs, steps, together, (eigenvalues, smallest))
    halved = held_out(operator, signs[0], steps, eigenvalues, smallest) if hold_out else None
    ends = end_values(operator, vectors, halved)
    directions = [_direction(curvature, vector) for vector in vectors]
    quadrature = Quadrature.of(runs)
    negative = quadrature.negative_share() if smallest else (None, None)
    return SpectrumResult(
        matrix=matrix,
        largest=tuple(ends[:eigenvalues]),
        smallest=tuple(ends[eigenvalues:]),
        directions=tuple(directions[:eigenvalues]),
        smallest_directions=tuple(directions[eigenvalues:]),
        moments=power_sums,
        negative_share=negative[0],
        negative_share_stderr=negative[1],
        density=quadrature.density(),
        quadrature=quadrature,
        nats_per_token=float(curvature.losses.sum() / curvature.tokens.sum()),
        clusters=len(set(curvature.clusters.tolist())),
        sequences=len(taken),
        tokens=int(curvature.tokens.sum()),
        bytes=sum(s.bytes for s in taken),
        parameters=curvature.size,
        steps=steps,
        probes=probes,
        products=operator.products,
        dtype=curvature.parameter_dtype,
        kernel=curvature.kernel,
        seed=seed,
        warnings=tuple(_warnings(ends)),
    )


def expected_products(
    matrix: str, eigenvalues: int = 5, steps: int = 32, probes: int = 4, hold_out: bool = True
) -> int:
    """Products with the whole matrix that ``spectrum`` makes, unless a Krylov space is exhausted first.

    >>> expected_products("gauss_newton"), expected_products("hessian", hold_out=False)
    (178, 146)
    """
    ends = eigenvalues * (2 if matrix == "hessian" else 1)
    return 2 * probes + steps * probes + ends + (steps + ends if hold_out else 0)


def runs_at_once(operator: SymmetricOperator, steps: int, probes: int, memory: int) -> int:
    """Probes whose Lanczos vectors fit in memory together.

    Raises:
        HarnessError: Not even one.
    """
    one = room(min(steps, operator.size), operator.size, operator.dtype)
    if one > memory:
        raise HarnessError(
            f"Lanczos' method keeps {steps} vectors of {operator.size:,} parameters, {one / GIB:.1f} GiB, and memory is "
            f"limited to {memory / GIB:.1f} GiB; take fewer steps, or a machine with more memory"
        )
    return min(probes, memory // one)


def _runs(
    operator: SymmetricOperator, signs: Tensor, steps: int, together: int, ends: tuple[int, int]
) -> tuple[list[Tridiagonal], Tensor]:
    """All Lanczos runs without their bases, and the wanted Ritz vectors of the first."""
    runs: list[Tridiagonal] = []
    for starts in signs.split(together):
        done = lanczos(lambda v: operator.apply(v).products, starts, steps, keep_basis=not runs)
        if not runs:
            vectors, _ = end_vectors(done[0], *ends)
            done = [Tridiagonal(run.diagonal, run.off_diagonal, run.remainder) for run in done]
        runs += done
    return runs, vectors


def _direction(operator: CurvatureOperator, vector: Tensor) -> Direction:
    squares = [float(piece.double().square().sum()) for piece in operator.pieces(vector)]
    blocks = [block_of(name, tensor.ndim) for name, tensor in zip(operator.names, operator.tensors, strict=True)]
    return Direction(shares(squares, blocks), shares(squares, [layer_of(name) for name in operator.names]))


def _check(eigenvalues: int, steps: int, probes: int, matrix: str) -> None:
    ends = eigenvalues * (2 if matrix == "hessian" else 1)
    if eigenvalues < 1 or probes < 2 or steps < ends:
        raise HarnessError(
            f"eigenvalues is {eigenvalues}, steps is {steps}, probes is {probes}; at least 1 eigenvalue, 2 probes and as "
            f"many steps as eigenvalues at both ends ({ends}) are needed"
        )


def _warnings(ends: Sequence[EndValue]) -> Iterator[str]:
    scale = max(abs(end.value) for end in ends)
    loose = sum(end.residual > UNRESOLVED * scale for end in ends)
    if loose:
        yield f"{loose} of {len(ends)} eigenvalues are not resolved to {UNRESOLVED:.0%} of the largest: raise steps"
    top = ends[0]
    if top.held_out is not None and top.value - top.held_out > top.high - top.low:
        yield (
            f"the largest eigenvalue is {top.value:.4g} here and {top.held_out:.4g} on documents that did not choose its "
            "direction: too few documents to tell it"
        )
