"""Top eigenvalues and spectral density of the Hessian by PyHessian's own power iteration and Lanczos process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.pyhessian_wheel import (
    borrowed,
    loader,
    opened,
    scored,
    seed_global,
    subject_of,
    with_eig,
)

Products = Callable[[int], None]
"""Called after each Hessian product with how many are done."""


@dataclass(frozen=True, slots=True)
class PyhessianEigenvalues:
    """Eigenvalues of the Hessian of the loss per token, greatest magnitude first.

    Attributes:
        values: Rayleigh quotients at which the power iterations stopped, nats per token per squared unit.
        residuals: ``|Hv - value v|`` of each: an eigenvalue of the Hessian lies within it.
        products: Hessian products over all sequences.
        nats_per_token: Loss of the true labels.
        sequences: Sequences that the Hessian is of.
        parameters: Trainable parameters, tied ones once.
        dtype: Their floating type.
        kernel: Attention kernel.
        seed: Seed of the starting vectors.
    """

    values: tuple[float, ...]
    residuals: tuple[float, ...]
    products: int
    nats_per_token: float
    sequences: int
    parameters: int
    dtype: str
    kernel: str
    seed: int


@dataclass(frozen=True, slots=True)
class PyhessianDensity:
    """Stochastic Lanczos quadrature of the eigenvalue density: for each probe nodes, and weights that sum to one.

    Attributes:
        nodes: Ritz values, nats per token per squared unit, ``(probes, steps)``.
        weights: Share of the eigenvalues at each, ``(probes, steps)``.
        products: Hessian products over all sequences.
        nats_per_token: Loss of the true labels.
        sequences: Sequences that the Hessian is of.
        parameters: Trainable parameters, tied ones once: as many eigenvalues.
        dtype: Their floating type.
        kernel: Attention kernel.
        seed: Seed of the probes.
    """

    nodes: NDArray[np.float64] = field(compare=False, repr=False)
    weights: NDArray[np.float64] = field(compare=False, repr=False)
    products: int
    nats_per_token: float
    sequences: int
    parameters: int
    dtype: str
    kernel: str
    seed: int

    def moment(self, power: int) -> float:
        """Mean of the eigenvalues to a power; the first times ``parameters`` is the trace."""
        return float((self.weights * self.nodes**power).sum(1).mean())


def pyhessian_eigenvalues(
    model: torch.nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    top: int = 1,
    tolerance: float = 1e-3,
    iterations: int = 100,
    maximum: int | None = None,
    group: int = 8,
    progress: Products | None = None,
) -> PyhessianEigenvalues:
    """Find the eigenvalues of greatest magnitude by the wheel's power iteration with deflation.

    Args:
        model: As for ``pyhessian_trace``.
        sequences: The Hessian is of the loss per token of these.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the starting vectors.
        top: How many eigenvalues.
        tolerance: The wheel stops when one step changes the value by less than this part; look at the residuals.
        iterations: Most steps for each eigenvalue.
        maximum: Most sequences to take.
        group: Sequences to a batch; no value depends on it.
        progress: Called after each Hessian product.

    Raises:
        HarnessError: As ``pyhessian_trace``; or fewer than one eigenvalue is asked for.
    """
    subject, taken = subject_of(model, objective), scored(sequences, objective, maximum)
    if not 1 <= top <= subject.parameters:
        raise HarnessError(f"top is {top}; give a number from 1 to the {subject.parameters} parameters there are")
    with borrowed(subject, taken[0]):
        batches, loss, nats = loader(subject, taken, group, progress)
        with opened(subject, loss, dataloader=batches) as wheel:
            seed_global(seed, 0, "pyhessian eigenvectors")
            values, vectors = wheel.eigenvalues(maxIter=iterations, tol=tolerance, top_n=top)
            residuals = [_residual(wheel, value, v) for value, v in zip(values, vectors, strict=True)]
    return PyhessianEigenvalues(
        tuple(float(v) for v in values), tuple(residuals), batches.passes, nats, len(taken), subject.parameters,
        subject.dtype, subject.kernel, seed,
    )  # fmt: skip


def _residual(wheel: Any, value: float, vector: list[torch.Tensor]) -> float:
    _, product = wheel.dataloader_hv_product(vector)
    squares = sum(float((h - value * v).double().square().sum()) for h, v in zip(product, vector, strict=True))
    return float(np.sqrt(squares))


def pyhessian_density(
    model: torch.nn.Module,
    sequences: Iterable[ScoredSequence],
    *,
    objective: str,
    seed: int,
    steps: int = 80,
    probes: int = 1,
    maximum: int | None = None,
    group: int = 8,
    progress: Products | None = None,
) -> PyhessianDensity:
    """Estimate the density of the Hessian's eigenvalues by the wheel's Lanczos process, which holds ``steps`` vectors.

    Args:
        model: As for ``pyhessian_trace``.
        sequences: The Hessian is of the loss per token of these.
        objective: "causal", "masked" or "seq2seq".
        seed: Seeds the probes.
        steps: Nodes for each probe, no more than there are parameters.
        probes: Starting vectors.
        maximum: Most sequences to take.
        group: Sequences to a batch; no value depends on it.
        progress: Called after each Hessian product.

    Raises:
        HarnessError: As ``pyhessian_trace``; or fewer than one step or probe is asked for.
    """
    subject, taken = subject_of(model, objective), scored(sequences, objective, maximum)
    if steps < 1 or probes < 1:
        raise HarnessError(f"steps is {steps}, probes is {probes}; at least 1 of each is needed")
    with borrowed(subject, taken[0]):
        batches, loss, nats = loader(subject, taken, group, progress)
        with opened(subject, loss, dataloader=batches) as wheel, with_eig():
            seed_global(seed, 0, "pyhessian density")
            nodes, weights = wheel.density(iter=min(steps, subject.parameters), n_v=probes)
    return PyhessianDensity(
        np.array(nodes, dtype=np.float64), np.array(weights, dtype=np.float64), batches.passes, nats, len(taken),
        subject.parameters, subject.dtype, subject.kernel, seed,
    )  # fmt: skip
