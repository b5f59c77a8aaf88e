"""How sparsity rises in training (Zhu and Gupta 2017): ``s(t) = s_f (1 - (1 - t / n)^3)`` for n steps, then s_f."""

from __future__ import annotations

from dataclasses import dataclass

EXPONENT = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """When masks are chosen anew, and for which sparsity.

    Attributes:
        final: the sparsity in the end.
        ramp: steps until then; 0 is at once.
        every: steps between two choices while it rises.
    """

    final: float
    ramp: int = 0
    every: int = 10

    def sparsity(self, step: int) -> float:
        """Sparsity at a step, counted from 0.

        >>> [Schedule(0.5, ramp=100).sparsity(step) for step in (0, 50, 100, 500)]
        [0.0, 0.4375, 0.5, 0.5]
        """
        if step >= self.ramp:
            return self.final
        return self.final * (1 - (1 - step / self.ramp) ** EXPONENT)

    def due(self, step: int) -> bool:
        """Whether masks are chosen anew at a step."""
        return step == self.ramp or (step < self.ramp and step % self.every == 0)
