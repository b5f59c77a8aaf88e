"""The first scored sequence of a stream, without losing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.forward import has_scored_token


def opening(sequences: Iterable[ScoredSequence], objective: str) -> tuple[ScoredSequence, Iterable[ScoredSequence]]:
    """Return the first sequence that has a scored token, and the whole stream, unread.

    Raises:
        HarnessError: There is none.
    """
    read: list[ScoredSequence] = []
    rest = iter(sequences)
    for sequence in rest:
        read.append(sequence)
        if has_scored_token(sequence, objective):
            whole = sequences if isinstance(sequences, Sequence) else chain(read, rest)
            return sequence, whole
    raise HarnessError(f"none of {len(read)} sequences has a scored token; check the text, the labels and the masks")
