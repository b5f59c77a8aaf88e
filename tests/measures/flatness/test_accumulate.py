"""The loop: where it stops, what it counts, and that a stream is not read further than needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.data.sequence_groups import SequenceGroup
from harness.data.sequences import ScoredSequence
from harness.errors import HarnessError
from harness.measures.flatness.accumulate import Draw, accumulate, apart
from harness.measures.flatness.stopping import StoppingRule


def stream(clusters: list[int], scored: bool = True) -> list[ScoredSequence]:
    ids = torch.arange(4)
    labels = ids if scored else torch.full_like(ids, -100)
    return [ScoredSequence(ids, labels, cluster, n) for n, cluster in enumerate(clusters)]


def draw(group: SequenceGroup) -> Draw:
    values = np.array([1 + 0.1 * np.sin(int(s.key)) for s in group.sequences])
    return Draw(3 * len(values), 1.0, np.array([3 * values.sum()]), np.array([values.sum()]), np.array([True]))


def test_stops_at_the_second_look_in_a_row_that_is_narrow_enough() -> None:
    seen = []
    done = accumulate(draw, stream(list(range(200))), StoppingRule(), lambda n, reached: seen.append((n, reached)))
    assert len(done.draws) == 40
    assert seen[0] == (1, None) and seen[-1][0] == 40


def test_the_minimum_counts_documents() -> None:
    """Four sequences of each document: 32 documents are 125 sequences or more, and eight more confirm."""
    done = accumulate(draw, stream([n // 4 for n in range(400)]), StoppingRule())
    assert len(done.draws) == 133
    with pytest.raises(HarnessError, match="found 400 sequences from 20 documents"):
        accumulate(draw, stream([n // 20 for n in range(400)]), StoppingRule())


def test_maximum_caps_the_cost() -> None:
    done = accumulate(draw, stream(list(range(200))), StoppingRule(precision=1e-6, maximum=50))
    assert len(done.draws) == 50


def test_looks_go_on_after_the_last_new_document() -> None:
    """Windows of few documents in mixed order still stop early."""
    done = accumulate(draw, stream([n % 40 for n in range(4000)]), StoppingRule(precision=0.002))
    assert 40 < len(done.draws) < 4000


def test_sequences_without_scored_tokens_are_counted_apart() -> None:
    scored, others = apart(stream([90, 91], scored=False) + stream(list(range(40))), "causal")
    assert ([s.cluster for s in scored], others) == (list(range(40)), 2)
    with pytest.raises(HarnessError, match="none of 2 sequences has a scored token"):
        apart(stream([90, 91], scored=False), "causal")


def test_groups_hold_whole_clusters() -> None:
    """Two documents a cluster, three sequences of each: four draws of a cluster, and 32 clusters at the least."""
    done = accumulate(draw, stream([n % 80 for n in range(240)]), StoppingRule(None, group=2))
    assert done.sequences == 240 and len(set(done.clusters)) == 40
    assert [done.clusters.count(c) for c in range(40)] == [3] * 40
    with pytest.raises(HarnessError, match="clusters of 4 documents: give more or longer text, or lower group"):
        accumulate(draw, stream(list(range(80))), StoppingRule(None, group=4))


def test_large_groups_still_see_many_documents() -> None:
    """Documents of 28 windows each: 256 sequences in groups of 8 come from 200 documents, as single ones do."""
    done = accumulate(draw, stream([n // 28 for n in range(28 * 260)]), StoppingRule(1e-9, 32, 256, group=8))
    assert done.sequences == 256 and len(set(done.clusters)) == 32
    with pytest.raises(HarnessError, match="found 280 sequences from 5 clusters of 2 documents"):
        accumulate(draw, stream([n // 28 for n in range(280)]), StoppingRule(None, group=2))
