"""Outputs that are no translations: empty ones, those that repeat themselves, and those that did not end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_PERIOD = 16
REPEATS = 4


@dataclass(frozen=True, slots=True)
class Degenerate:
    """How many outputs are empty, loop, or did not end; one may be of several sorts."""

    empty: int
    looping: int
    unfinished: int

    def warning(self, total: int, maximum_length: int) -> str | None:
        """A sentence; None where there are none."""
        found = []
        if self.empty:
            found.append(f"{self.empty} are empty")
        if self.looping:
            found.append(f"{self.looping} repeat themselves to the end")
        if self.unfinished:
            found.append(f"{self.unfinished} did not end within {maximum_length} tokens")
        return f"of {total} translations {', '.join(found)}" if found else None


def degenerate(tokens: Sequence[Sequence[int]], texts: Sequence[str], finished: Sequence[bool]) -> Degenerate:
    """Count them."""
    return Degenerate(
        empty=sum(not text.strip() for text in texts),
        looping=sum(loops(each) for each in tokens),
        unfinished=sum(not done for done in finished),
    )


def loops(tokens: Sequence[int]) -> bool:
    """Whether an output ends in the same 1 to 16 tokens four times over.

    >>> loops([7, 1, 2, 1, 2, 1, 2, 1, 2]), loops([1, 1, 1]), loops([9, 9, 9, 9]), loops([1, 2, 1, 2, 3])
    (True, False, True, False)
    """
    return any(
        list(tokens[-period * (REPEATS - 1) :]) == list(tokens[-period * REPEATS : -period])
        for period in range(1, min(LONGEST_PERIOD, len(tokens) // REPEATS) + 1)
    )
