"""Outputs that are no translations: empty ones, those that repeat themselves, and those that did not end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_PERIOD = 20
"""Tokens of the longest repetition that is looked for."""
TIMES, SPAN = 4, 12
"""How often in a row tokens must be said, and how many they must fill, to be a loop."""


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
            found.append(f"{self.looping} repeat themselves")
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
    """Whether a text says the same thing over and over.

    The rule: somewhere in it the same n tokens, for some n from 1 to 20, stand 4 times in a row or more and fill 12 tokens
    or more; that is, over ``max(4 n, 12)`` tokens each equals the one n before it. So three words said four times are
    a loop, and so are twelve full stops; a list of four that is said three times is none.

    >>> loops([9, 8] + [1, 2, 3] * 4 + [7]), loops([1, 2, 3, 4] * 3)
    (True, False)
    >>> loops([5] * 12), loops([5] * 11)
    (True, False)
    """
    return any(
        longest_run(tokens, period) >= max(TIMES * period, SPAN)
        for period in range(1, min(LONGEST_PERIOD, len(tokens) // TIMES) + 1)
    )


def longest_run(tokens: Sequence[int], period: int) -> int:
    """Tokens of the longest stretch in which each equals the one ``period`` before it; at most as many as there are.

    >>> longest_run([7, 1, 2, 1, 2, 1, 8], 2), longest_run([1, 2, 3], 1)
    (5, 1)
    """
    longest = run = min(period, len(tokens))
    for before, token in zip(tokens, tokens[period:], strict=False):
        run = run + 1 if token == before else period
        longest = max(longest, run)
    return longest
