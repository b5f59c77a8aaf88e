"""What the board says of published claims: each marked held, not held or not decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.board.notation import NONE, fixed, number
from harness.slopes.claims import MATTERS, ClaimAnswer

NOTE = (
    "Each claim says which of several checkpoints of about equal upstream loss does better. r is the partial correlation at "
    "given loss and family, positive as claimed, with its 95% interval; q is its p, by permutation, adjusted for all claims. "
    f"Held: the interval is above 0 and q below .05. Not held: the reverse, or nothing as large as {MATTERS:g}."
)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim and what became of it."""

    text: str
    source: str
    verdict: str
    about: str
    r: str
    q: str
    loss: str
    n: str
    smallest: str


def claim_rows(found: Sequence[ClaimAnswer]) -> list[ClaimRow]:
    """Every claim as a row."""
    return [
        ClaimRow(
            one.claim.text, one.claim.source or NONE, one.verdict if one.reason is None else f"refused: {one.reason}",
            f"{one.claim.task} {one.metric} by {one.claim.by}, {', '.join(one.claim.families)}", relation(one),
            NONE if one.q is None else f"{one.q:.1g}",
            NONE if one.loss is None else " to ".join(number(end) for end in one.loss), f"{one.n} / {one.runs}",
            NONE if one.smallest is None else fixed(one.smallest, 2),
        )
        for one in found
    ]  # fmt: skip


def relation(one: ClaimAnswer) -> str:
    """The partial correlation with its interval."""
    if one.r is None or one.low is None or one.high is None:
        return NONE
    return f"{fixed(one.r, 2, sign=True)} [{fixed(one.low, 2, sign=True)}, {fixed(one.high, 2, sign=True)}]"
