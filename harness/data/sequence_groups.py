"""Sequences in groups that are run together, so that no document is shared between clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.data.sequences import ScoredSequence


@dataclass(frozen=True, slots=True, eq=False)
class SequenceGroup:
    """Sequences that share one gradient, and the cluster of documents they belong to.

    Attributes:
        sequences: At least one.
        cluster: The unit of resampling: a document, or so many documents where groups are larger than one.
    """

    sequences: tuple[ScoredSequence, ...]
    cluster: int

    @classmethod
    def of(cls, sequence: ScoredSequence) -> SequenceGroup:
        """A sequence on its own."""
        return cls((sequence,), sequence.cluster)

    @property
    def key(self) -> int | str:
        """A name that never changes: that of the first sequence, and how many follow it."""
        first = self.sequences[0].key
        return first if len(self.sequences) == 1 else f"{first} and {len(self.sequences) - 1} more"

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the text of the scored tokens."""
        return sum(s.bytes for s in self.sequences)


def in_groups(sequences: Iterable[ScoredSequence], size: int) -> Iterator[SequenceGroup]:
    """Groups of at most ``size`` sequences, in the order of the sequences.

    From two on, documents are taken ``size`` at a time, in the order in which they first appear, and their sequences cut
    into groups: what two groups of different clusters read has nothing in common. The first group of every cluster comes
    before the second of any, so that few draws have seen many documents.

    >>> import torch
    >>> ids = torch.tensor([1, 2])
    >>> texts = [ScoredSequence(ids, ids, cluster, key) for key, cluster in enumerate([0, 1, 0, 2])]
    >>> [(g.cluster, [s.key for s in g.sequences]) for g in in_groups(texts, 2)]
    [(0, [0, 1]), (1, [3]), (0, [2])]
    """
    if size == 1:
        yield from map(SequenceGroup.of, sequences)
        return
    held = list(sequences)
    place = {cluster: n // size for n, cluster in enumerate(dict.fromkeys(s.cluster for s in held))}
    buckets: dict[int, list[ScoredSequence]] = {}
    for sequence in held:
        buckets.setdefault(place[sequence.cluster], []).append(sequence)
    longest = max(map(len, buckets.values()), default=0)
    for start in range(0, longest, size):
        for number, inside in sorted(buckets.items()):
            if inside[start : start + size]:
                yield SequenceGroup(tuple(inside[start : start + size]), number)
