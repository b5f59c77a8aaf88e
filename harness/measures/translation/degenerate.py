"""Outputs that are no translations: empty ones, those that repeat themselves, and those that did not end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.measures.translation.decoding.degenerate import loops


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
