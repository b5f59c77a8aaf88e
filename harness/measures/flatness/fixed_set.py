"""The fixed set of sequences that spectra and sketches are taken of, and the room that their vectors need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import check_objective, has_scored_token
from harness.measures.flatness.operator import Applied, SymmetricOperator
from harness.measures.flatness.randomness import private_generator, rademacher

PassProgress = Callable[[int, float | None], None]
"""Called with the products with the whole matrix so far, and the relative half-width of the trace once it is known."""

GIB = 2**30


def fixed_set(
    sequences: Iterable[ScoredSequence], objective: str, minimum: int, maximum: int | None
) -> list[ScoredSequence]:
    """The first ``maximum`` sequences that have a scored token.

    Raises:
        HarnessError: An unknown objective, no such sequence, or fewer documents than the minimum.
    """
    check_objective(objective)
    if minimum < 4:
        raise HarnessError(f"minimum is {minimum} documents; two halves with a standard error each need at least 4")
    taken = list(islice((s for s in sequences if has_scored_token(s, objective)), maximum))
    if not taken:
        raise HarnessError("no sequence has a scored token; check the text, the labels and the masks")
    documents = len({s.cluster for s in taken})
    if documents < minimum:
        cut = maximum is not None and len(taken) == maximum
        mend = f"raise maximum (now {maximum} sequences)" if cut else "give more or longer text"
        raise HarnessError(
            f"found {len(taken)} sequences from {documents} documents; a standard error that can be trusted needs at "
            f"least {minimum} documents: {mend}, or lower minimum and accept a wider interval"
        )
    return taken


def sign_probes(operator: SymmetricOperator, count: int, seed: int, purpose: str) -> Tensor:
    """Private vectors of independent signs, ``(count, P)``.

    The first of them do not depend on how many there are.
    """
    shape = torch.Size([operator.size])
    return torch.stack(
        [
            rademacher(shape, private_generator(seed, number, purpose), operator.dtype, operator.device)
            for number in range(count)
        ]
    )


def room(vectors: int, size: int, dtype: torch.dtype) -> int:
    """Bytes of so many vectors.

    >>> room(2, 1000, torch.float32)
    8000
    """
    return vectors * size * dtype.itemsize


class Counted:
    """An operator that reports each product; one with some of the sequences counts as its part of a product."""

    def __init__(self, operator: SymmetricOperator, progress: PassProgress | None) -> None:
        self.operator, self.progress = operator, progress
        self.size, self.dtype, self.device = operator.size, operator.dtype, operator.device
        self.tokens, self.clusters = operator.tokens, operator.clusters
        self.reached: float | None = None
        self._whole, self._done, self._counter = len(operator.tokens), 0, self

    def apply(self, vectors: Tensor, against: Tensor | None = None) -> Applied:
        """Multiply, then report."""
        applied = self.operator.apply(vectors, against)
        counter = self._counter
        counter._done += len(vectors) * len(self.tokens)
        if self.progress is not None:
            self.progress(counter.products, counter.reached)
        return applied

    def restricted(self, keep: NDArray[np.bool_]) -> Counted:
        """Some of the sequences, counted together with the whole."""
        part = Counted(self.operator.restricted(keep), self.progress)
        part._counter = self._counter
        return part

    @property
    def products(self) -> int:
        """Products with the whole matrix so far, rounded down."""
        return self._done // self._whole
