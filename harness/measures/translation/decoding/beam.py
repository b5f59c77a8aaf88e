r"""Beam search: the best few beginnings of each text go on, side by side.

What ``generate`` does with ``early_stopping=False``. Of all continuations of the beams of a text, the likeliest are looked at,
twice as many as beams (more where several tokens end a text), so that enough are left when some end. An ended one
among the first ``beams`` is kept with the score

.. math:: \log p / n^\alpha

of its log-probability over its tokens, its end included, to the power of the length penalty. A text is done when it has
``beams`` ended ones and the best that still goes on, were it to end now, would be worse than the worst of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import torch

from harness.measures.translation.decoding.constraints import Constraints
from harness.measures.translation.decoding.hypothesis import Hypothesis
from harness.measures.translation.decoding.rows import Rows

NOTHING = Hypothesis([], -torch.inf, False)
"""Where no text has a log-probability that is a number."""


@dataclass
class Ended:
    """The best ended hypotheses of a text: scores, and what they are."""

    beams: int
    kept: list[tuple[float, int, Hypothesis]] = field(default_factory=list)

    def add(self, score: float, hypothesis: Hypothesis) -> None:
        """Keep it if it is among the best; of equal ones the earlier."""
        self.kept = heapq.nlargest(self.beams, [*self.kept, (score, -len(self.kept), hypothesis)], key=lambda k: k[:2])

    @property
    def worst(self) -> float:
        """The least score of a kept one; minus infinity while there is room."""
        return self.kept[-1][0] if len(self.kept) == self.beams else -torch.inf


@dataclass(frozen=True)
class Candidates:
    """Continuations of the beams of ``N`` texts, the likeliest first, all ``(N, C)``.

    Attributes:
        total: log-probabilities of beginning and continuation, float64, nats.
        rows: the rows they continue.
        tokens: what they add.
        ended: whether that ends them.
    """

    total: torch.Tensor
    rows: torch.Tensor
    tokens: torch.Tensor
    ended: torch.Tensor


def beam(rows: Rows, constraints: Constraints, beams: int, length_penalty: float) -> list[Hypothesis]:
    """The best hypothesis of each row; a text that is done leaves the batch with its beams."""
    found = [Ended(beams) for _ in range(len(rows.read))]
    going = list(range(len(found)))
    total = torch.zeros(
        len(found), 1, dtype=torch.float64, device=rows.read.device
    )  # of beams, (N, 1) and then (N, beams)
    for step in range(constraints.maximum_length):
        next_ones = candidates(rows, constraints, total, step, beams)
        keep_ended(found, going, rows, next_ones, constraints, length_penalty, step, beams)
        if step == constraints.maximum_length - 1:
            break
        total, places = next_ones.total.masked_fill(next_ones.ended, -torch.inf).topk(beams)
        best = (total[:, 0] / (step + 1) ** length_penalty).tolist()
        kept = [place for place, text in enumerate(going) if best[place] > found[text].worst]
        if not kept:
            break
        dropped = len(kept) < len(going)
        going, total, places = [going[place] for place in kept], total[kept], places[kept]
        rows.take(next_ones.rows[kept].gather(1, places).flatten(), sources=dropped or step == 0)
        rows.step(next_ones.tokens[kept].gather(1, places).flatten())
    return [ended.kept[0][2] if ended.kept else NOTHING for ended in found]


def candidates(rows: Rows, constraints: Constraints, total: torch.Tensor, step: int, beams: int) -> Candidates:
    """The likeliest continuations of each text, given the log-probabilities ``(N, B)`` of its B beams."""
    texts, width = total.shape
    count = min(max(2, 1 + len(constraints.ends)) * beams, rows.logits.shape[1])
    scores, tokens = constraints.best(rows.logits, rows.read, step, count)  # (N * B, count)
    sums, places = (total.view(-1, 1) + scores).view(texts, -1).topk(count)  # of B * count
    tokens = tokens.reshape(texts, -1).gather(1, places)
    row = torch.arange(texts, device=total.device)[:, None] * width + places // count
    ended = torch.isin(tokens, torch.tensor(constraints.ends, device=total.device))
    return Candidates(sums, row, tokens, ended)


def keep_ended(
    found: list[Ended], going: list[int], rows: Rows, next_ones: Candidates, constraints: Constraints, length_penalty: float,
    step: int, beams: int,
) -> None:  # fmt: skip
    """Keep what has ended among the first candidates of each text, which at the greatest length are all."""
    last, forced = step == constraints.maximum_length - 1, bool(constraints.forced(step))
    ended = next_ones.ended[:, :beams] | last
    for text, place in (ended & next_ones.total[:, :beams].isfinite()).nonzero().tolist():
        total, token = float(next_ones.total[text, place]), int(next_ones.tokens[text, place])
        by_itself = bool(next_ones.ended[text, place])
        written = rows.written[next_ones.rows[text, place]].tolist() + ([] if by_itself else [token])
        hypothesis = Hypothesis(written, total, by_itself and not forced)
        found[going[text]].add(total / (step + 1) ** length_penalty, hypothesis)
