"""Greedy search: the likeliest token at every step."""

from __future__ import annotations

import torch

from harness.measures.translation.decoding.constraints import Constraints
from harness.measures.translation.decoding.hypothesis import Hypothesis
from harness.measures.translation.decoding.rows import Rows


def greedy(rows: Rows, constraints: Constraints) -> list[Hypothesis]:
    """One hypothesis a row; a row that has ended leaves the batch."""
    count, device = len(rows.read), rows.read.device
    end = torch.tensor(constraints.ends, device=device)
    total = torch.zeros(count, dtype=torch.float64, device=device)
    going = torch.arange(count, device=device)
    found: dict[int, Hypothesis] = {}
    for step in range(constraints.maximum_length):
        scores, likeliest = constraints.best(rows.logits, rows.read, step, 1)
        chosen, total = likeliest[:, 0], total + scores[:, 0]
        ended = torch.isin(chosen, end)
        last = step == constraints.maximum_length - 1
        for row in (torch.ones_like(ended) if last else ended).nonzero()[:, 0].tolist():
            written = rows.written[row].tolist() + ([] if ended[row] else [int(chosen[row])])
            finished = bool(ended[row]) and not constraints.forced(step)
            found[int(going[row])] = Hypothesis(written, float(total[row]), finished)
        kept = (~ended).nonzero()[:, 0]
        if last or not len(kept):
            break
        if len(kept) < len(going):
            going, chosen, total = going[kept], chosen[kept], total[kept]
            rows.take(kept)
        rows.step(chosen)
    return [found[row] for row in range(count)]
