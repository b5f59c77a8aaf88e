"""The released wheel of PyHessian (0.1, 2020) made to run on current torch and on language models, without side effects."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import check_objective, finite_loss, has_scored_token
from harness.measures.flatness.guard import check_deterministic, check_dtype, measuring
from harness.measures.flatness.hessian import second_order_kernel
from harness.measures.flatness.randomness import private_generator
from harness.measures.flatness.tensors_in_out import TensorsInOut, WeightedLoss, batch_of, in_batches, padding_of

NEVER = float("-inf")
"""A tolerance the wheel's stopping rule never meets; with 0 it still stops at the second probe of a negative trace."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that the wheel can be given, and what is said of it beside every number.

    Attributes:
        model: The model itself.
        wrapped: The same, tensor in and tensor out.
        trainable: Parameters that require a gradient, as the wheel sees them: tied ones once, frozen ones not.
        objective: "causal", "masked" or "seq2seq".
        dtype: Floating type of the parameters.
        kernel: Attention kernel.
    """

    model: nn.Module
    wrapped: TensorsInOut
    trainable: tuple[Tensor, ...]
    objective: str
    dtype: str
    kernel: str

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def parameters(self) -> int:
        """Number of trainable parameters, shared ones counted once."""
        return sum(p.numel() for p in self.trainable)

    def batch(self, sequences: Sequence[ScoredSequence]) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one batch."""
        return batch_of(sequences, self.objective, padding_of(self.model))


def subject_of(model: nn.Module, objective: str) -> Subject:
    """Check and wrap a model.

    Raises:
        HarnessError: An objective without a loss, half precision, attention without second derivatives, nothing
            trainable, or a device that the wheel does not know.
    """
    check_objective(objective)
    trainable = tuple(p for p in model.parameters() if p.requires_grad)
    if not trainable:
        raise HarnessError("the model has no parameter that requires a gradient; call model.requires_grad_(True)")
    halves = (torch.bfloat16, torch.float16)
    dtype = check_dtype(model, halves, "second derivatives are off by up to several percent there")
    subject = Subject(model, TensorsInOut(model), trainable, objective, dtype, second_order_kernel(model))
    if subject.device.type not in ("cpu", "cuda"):
        raise HarnessError(
            f"the model is on {subject.device.type!r}, which pyhessian does not know; move it to 'cpu' or 'cuda', or "
            "use estimator hessian"
        )
    return subject


def scored(sequences: Iterable[ScoredSequence], objective: str, maximum: int | None = None) -> list[ScoredSequence]:
    """The first ``maximum`` sequences that have a scored token.

    Raises:
        HarnessError: There is none.
    """
    found: list[ScoredSequence] = []
    for sequence in sequences:
        if maximum is not None and len(found) >= maximum:
            break
        if has_scored_token(sequence, objective):
            found.append(sequence)
    if not found:
        raise HarnessError("no sequence has a scored token; check the text, the labels and the masks")
    return found


@contextmanager
def borrowed(subject: Subject, first: ScoredSequence) -> Iterator[None]:
    """Lend a model to the wheel: mode, ``.grad``, kernel and the global random state are as before when it comes back.

    Raises:
        HarnessError: The model's loss is not deterministic.
    """
    model, device = subject.model, subject.device
    kept = [(p, p.grad) for p in model.parameters()]
    cuda = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    forked = torch.random.fork_rng(devices=list(range(torch.cuda.device_count())))
    with measuring(model), sdpa_kernel(SDPBackend.MATH), cuda, forked:
        check_deterministic(model, first, subject.objective)
        try:
            # Gradients that are there already would be added to the wheel's own.
            model.zero_grad(set_to_none=True)
            yield
        finally:
            for p, grad in kept:
                p.grad = grad


@contextmanager
def opened(subject: Subject, loss: WeightedLoss, **data: Any) -> Iterator[Any]:
    """The wheel's ``hessian`` object over ``data=`` one batch or ``dataloader=`` many; its graph is freed after use."""
    kind = import_module("pyhessian").hessian
    try:
        with warnings.catch_warnings():
            # The cycle between a parameter and its gradient's graph, of which torch warns, is broken below.
            warnings.filterwarnings("ignore", message="Using backward\\(\\) with create_graph=True")
            yield kind(subject.wrapped, loss, cuda=subject.device.type == "cuda", **data)
    finally:
        subject.model.zero_grad(set_to_none=True)


class Batches:
    """A data loader over packed batches that counts how often it was gone through: once for each Hessian product."""

    def __init__(self, batches: Sequence[tuple[Tensor, Tensor]], progress: Callable[[int], None] | None = None) -> None:
        self.batches = batches
        self.progress = progress
        self.passes = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.passes += 1
        yield from self.batches
        if self.progress is not None:
            self.progress(self.passes)


def loader(
    subject: Subject, sequences: Sequence[ScoredSequence], group: int, progress: Callable[[int], None] | None = None
) -> tuple[Batches, WeightedLoss, float]:
    """Batches of ``group`` sequences, the loss that weights them by tokens, and its value in nats per token.

    Raises:
        HarnessError: The loss of a batch is not finite.
    """
    if not subject.wrapped.takes_padding:
        group = 1  # it cannot be told what is padding
    batches = [subject.batch(part) for part in in_batches(sequences, group)]
    tokens = sum(scored_tokens(targets) for _, targets in batches)
    loss, nats = WeightedLoss(subject.trainable, scale=len(sequences) / tokens), 0.0
    with torch.no_grad():
        for (inputs, targets), part in zip(batches, in_batches(sequences, group), strict=True):
            loss(subject.wrapped(inputs.to(subject.device)), targets.to(subject.device))
            nats += finite_loss(torch.tensor(loss.last, dtype=torch.float64), part[0])
    return Batches(batches, progress), loss, nats / tokens


def scored_tokens(targets: Tensor) -> int:
    """How many targets are scored."""
    return int((targets >= 0).sum())


def seed_global(seed: int, number: int, purpose: str) -> None:
    """Seed torch's global generators, from which the wheel draws, for one probe."""
    torch.manual_seed(private_generator(seed, number, purpose).initial_seed())


class _TorchWithEig:
    """The module ``torch`` with ``torch.eig``, which the wheel calls and torch 1.13 dropped."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def eig(matrix: Tensor, eigenvectors: Literal[True]) -> tuple[Tensor, Tensor]:
        """Eigenvalues ``(m, 2)`` with imaginary parts of zero, and vectors, of the symmetric matrix of Lanczos."""
        values, vectors = torch.linalg.eigh(matrix.double())
        return torch.stack([values, torch.zeros_like(values)], 1), vectors


def with_eig() -> Any:
    """While this is entered the wheel, and nothing else, has a ``torch.eig``."""
    # The package hides its module behind the class of the same name.
    return patch.object(import_module("pyhessian.hessian"), "torch", _TorchWithEig())
